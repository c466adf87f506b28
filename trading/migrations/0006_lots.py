"""Lots: what each buy brought and what has been taken out of it."""

import django.db.models.deletion
import trading.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('trading', '0005_unknown_outcome'),
    ]

    operations = [
        migrations.AddField(
            model_name='position',
            name='chain_raw',
            field=trading.fields.RawAmountField(help_text='What our token account held, as last seen.', null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='chain_seen_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name='Lot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bought_raw', trading.fields.RawAmountField()),
                ('left_raw', trading.fields.RawAmountField()),
                ('cost_lamports', models.BigIntegerField(help_text='SOL paid for the tokens, without fees.')),
                ('sol_price_usd', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('opened_at', models.DateTimeField()),
                ('fill', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='lot', to='trading.fill')),
                ('position', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='trading.position')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
        migrations.CreateModel(
            name='Disposal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('SOLD', 'SOLD'), ('LOST', 'LOST'), ('ABANDONED', 'ABANDONED')], max_length=10)),
                ('token_raw', trading.fields.RawAmountField()),
                ('cost_lamports', models.BigIntegerField(help_text="Part of the lot's cost.")),
                ('proceeds_lamports', models.BigIntegerField(help_text='Part of the SOL received.')),
                ('sol_price_usd', models.DecimalField(decimal_places=8, max_digits=20, null=True)),
                ('disposed_at', models.DateTimeField()),
                ('fill', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='disposals', to='trading.fill')),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='disposals', to='trading.lot')),
            ],
            options={
                'ordering': ['id'],
            },
        ),
    ]

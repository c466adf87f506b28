"""Positions remember the liquidity at their entry; open ones take it from the facts of their decision."""

from decimal import Decimal, InvalidOperation

from django.db import migrations, models


def take_from_decisions(apps, schema_editor):
    Position = apps.get_model("trading", "Position")
    Decision = apps.get_model("trading", "Decision")
    for position in Position.objects.exclude(status="CLOSED"):
        order = Decision.objects.filter(signal=position.signal_id, is_order=True).first()
        stored = None if order is None else order.facts.get("liquidity_usd")
        try:
            position.entry_liquidity_usd = Decimal(stored).quantize(Decimal("1e-6"))
        except (InvalidOperation, TypeError):
            continue
        position.save(update_fields=["entry_liquidity_usd"])


class Migration(migrations.Migration):

    dependencies = [
        ('trading', '0003_counts_and_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='position',
            name='entry_liquidity_usd',
            field=models.DecimalField(decimal_places=6, help_text='Of the deepest pair, as the decision to buy saw it.', max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='entry_routable_usd',
            field=models.DecimalField(decimal_places=6, help_text='Of all pools, as the source of prices told the decision.', max_digits=24, null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='liquidity_left_bps',
            field=models.BigIntegerField(help_text='Of the liquidity at entry, as last seen.', null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='liquidity_low_since',
            field=models.DateTimeField(help_text='Since when every look found too little of it.', null=True),
        ),
        migrations.AddField(
            model_name='position',
            name='liquidity_seen_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.RunPython(take_from_decisions, migrations.RunPython.noop),
    ]

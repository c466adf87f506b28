"""Lots of the fills there are. Apart from their tables: PostgreSQL alters no table with rows in mid-air."""

from django.db import migrations


def build_lots(apps, schema_editor):
    """Every buy's fill becomes a lot and every sell's fill is taken out of it: each position has had one buy."""
    Position = apps.get_model("trading", "Position")
    for position in Position.objects.iterator():
        lot = None
        for fill in apps.get_model("trading", "Fill").objects.filter(position=position).order_by("id"):
            if fill.action == "BUY":
                lot = _open(apps, fill)
            elif lot is not None:
                _sell(apps, fill, lot)


def _open(apps, fill):
    return apps.get_model("trading", "Lot").objects.create(
        position_id=fill.position_id,
        fill=fill,
        bought_raw=fill.token_raw,
        left_raw=fill.token_raw,
        cost_lamports=fill.sol_lamports,
        sol_price_usd=fill.sol_price_usd,
        opened_at=fill.filled_at,
    )


def _sell(apps, fill, lot):
    """Cost of what is left = cost x left / bought, rounded down; what a sale takes is the difference."""
    taken = min(fill.token_raw, lot.left_raw)
    if taken == 0:
        return
    before = lot.cost_lamports * lot.left_raw // lot.bought_raw
    lot.left_raw -= taken
    lot.save(update_fields=["left_raw"])
    apps.get_model("trading", "Disposal").objects.create(
        lot=lot,
        fill=fill,
        kind="SOLD",
        token_raw=taken,
        cost_lamports=before - lot.cost_lamports * lot.left_raw // lot.bought_raw,
        proceeds_lamports=fill.sol_lamports,
        sol_price_usd=fill.sol_price_usd,
        disposed_at=fill.filled_at,
    )


class Migration(migrations.Migration):

    dependencies = [
        ("trading", "0006_lots"),
    ]

    operations = [
        migrations.RunPython(build_lots, migrations.RunPython.noop),
    ]

"""Episodes can be added and never changed or removed, whoever writes the SQL."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SQLITE = [
    f"""CREATE TRIGGER wallets_episode_no_{verb.lower()} BEFORE {verb} ON wallets_episode
        BEGIN SELECT RAISE(ABORT, 'episodes are append-only'); END"""
    for verb in ("UPDATE", "DELETE")
]
POSTGRESQL = [
    """CREATE FUNCTION wallets_episode_refuse() RETURNS trigger AS
       $$ BEGIN RAISE EXCEPTION 'episodes are append-only'; END $$ LANGUAGE plpgsql""",
    """CREATE TRIGGER wallets_episode_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON wallets_episode
       FOR EACH STATEMENT EXECUTE FUNCTION wallets_episode_refuse()""",
]


def add_triggers(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    for statement in POSTGRESQL if editor.connection.vendor == "postgresql" else SQLITE:
        editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("wallets", "0003_episodes")]
    operations = [migrations.RunPython(add_triggers, migrations.RunPython.noop)]

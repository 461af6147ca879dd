"""Makes an empty Superset ready, in one process of Superset's own environment.

The same as `superset db upgrade`, `superset fab create-admin` and `superset init`, which would
load the program three times over.
"""

import os

from superset.app import create_app


def prepare(user: str, password: str) -> None:
    """Tables, roles and one administrator with this password, new or old."""
    app = create_app()
    with app.app_context():
        from flask_migrate import upgrade
        from superset import security_manager

        upgrade(directory=app.extensions["migrate"].directory)
        app.appbuilder.add_permissions(update_perms=True)
        security_manager.sync_role_definitions()
        there = security_manager.find_user(username=user)
        if there is None:
            security_manager.add_user(
                user,
                "Trial",
                "User",
                "trial@localhost.localdomain",
                security_manager.find_role("Admin"),
                password=password,
            )
        else:
            security_manager.reset_password(there.id, password)


if __name__ == "__main__":
    prepare(os.environ["MINER_SUPERSET_USER"], os.environ["MINER_SUPERSET_PASSWORD"])

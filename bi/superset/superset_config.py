"""Settings of the Superset that `make superset` starts: for one machine, and for trying.

A Superset of yours keeps its own settings; nothing here is needed for the import.
"""

import os

SECRET_KEY = os.environ["MINER_SUPERSET_SECRET_KEY"]
SQLALCHEMY_DATABASE_URI = f"sqlite:///{os.environ['SUPERSET_HOME']}/superset.db"
SQLALCHEMY_ENGINE_OPTIONS = {"connect_args": {"timeout": 60}}
# A publication is seen at once, not when a cache runs out.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
# Superset's own check of who is logged in needs cookies; these stay on this machine.
SESSION_COOKIE_SAMESITE = "Strict"
WTF_CSRF_ENABLED = True
# The page loads nothing from elsewhere: no usage counter, no map tiles, no fonts.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
CONTENT_SECURITY_POLICY_WARNING = False

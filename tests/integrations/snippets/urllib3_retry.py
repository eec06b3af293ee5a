LIBRARY = "urllib3's Retry"
AUTH = "RequestsAuth"
SNIPPET = """\
from requests.adapters import HTTPAdapter
from urllib3 import Retry
session.auth = auth
retry = Retry(3, allowed_methods=None, status_forcelist=[502, 503, 504])  # not 401: that is the auth's to answer
session.mount("https://", HTTPAdapter(max_retries=retry))
"""

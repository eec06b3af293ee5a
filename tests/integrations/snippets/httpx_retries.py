LIBRARY = "httpx-retries"
AUTH = "HTTPXAuth"
SNIPPET = """\
import httpx
from httpx_retries import Retry, RetryTransport
client = httpx.Client(auth=auth, transport=RetryTransport(retry=Retry(total=3, status_forcelist=[502, 503])))
"""

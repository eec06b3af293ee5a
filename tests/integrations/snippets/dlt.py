LIBRARY = "dlt"
AUTH = "RequestsAuth"
SNIPPET = """\
from dlt.sources.helpers.rest_client import RESTClient
client = RESTClient(base_url=url, auth=auth)
"""

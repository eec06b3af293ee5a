LIBRARY = "ariadne-codegen"
AUTH = "HTTPXAuth"
SNIPPET = """\
import httpx
from graphql_client import Client
client = Client(url, http_client=httpx.AsyncClient(auth=auth))
"""

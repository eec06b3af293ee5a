LIBRARY = "openai"
AUTH = "HTTPXAuth"
SNIPPET = """\
import httpx2
from openai import OpenAI
client = OpenAI(base_url=url, api_key="unused", http_client=httpx2.Client(auth=auth))
"""

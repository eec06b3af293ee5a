LIBRARY = "responses"
AUTH = "RequestsAuth"
SNIPPET = """\
import requests, responses
with responses.RequestsMock() as mock:  # token requests would meet the mock, too: give StaticToken("test") as source
    mock.post("https://streaming.bitquery.io/graphql", json={"data": {}})
    answer = requests.post("https://streaming.bitquery.io/graphql", json={"query": "{ ok }"}, auth=auth)
"""

"""Pass a request on to a real server, from a place that a test watches or holds up."""

import requests

from bitquery_auth.sandbox._messages import Request, Response
from tests.kit.origin import Handler

_PASSED_ON = ("authorization", "content-type", "accept", "user-agent")


def forwarding_to(url: str) -> Handler:
    def forward(request: Request) -> Response:
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(
                request.method,
                url,
                data=request.body,
                headers=headers,
                timeout=20,
                allow_redirects=False,
            )
        kept = tuple(
            (name, value)
            for name, value in answer.headers.items()
            if name.lower() == "content-type"
        )
        return Response(answer.status_code, kept, answer.content)

    return forward

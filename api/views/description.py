"""The API's description of itself: OpenAPI, a page to try it on, and the way in."""

import functools
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

NOWHERE = (
    "There is nothing here. Addresses end in a slash; /api/v1/schema/ lists them all."
)


@functools.cache
def document() -> Any:
    """Return the OpenAPI description, made once: it says nothing of who asks."""
    return SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]


class Description(SpectacularJSONAPIView):
    """The OpenAPI description. It is no secret: no token is needed."""

    authentication_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(document())


class Docs(SpectacularSwaggerView):
    """Swagger, from the portal's own files. What it sends needs a token, too."""

    authentication_classes = ()


class Open(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)


@extend_schema(exclude=True)
class Root(Open):
    def get(self, request: Request) -> Response:
        names = ("devices", "groups", "commands", "orders", "deliveries")
        named = {name: reverse(f"api:{name}", request=request) for name in names}
        described = {
            name: reverse(f"api:{name}", request=request) for name in ("schema", "docs")
        }
        return Response({**named, **described})


@extend_schema(exclude=True)
class Nowhere(Open):
    """Any other address: said in JSON, to whoever asks."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(NOWHERE)

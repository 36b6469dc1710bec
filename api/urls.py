"""URLs of the API, below /api/v1/."""

from django.urls import path, register_converter

from .views import catalogue, deliveries, description, devices, orders


class IdConverter:
    """An id that fits into a column; a longer number is at no address."""

    regex = "[0-9]{1,18}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(IdConverter, "id")

app_name = "api"
urlpatterns = [
    path("", description.Root.as_view(), name="root"),
    path("schema/", description.Description.as_view(), name="schema"),
    path("docs/", description.Docs.as_view(url_name="api:schema"), name="docs"),
    path("devices/", devices.Devices.as_view(), name="devices"),
    path("devices/<id:pk>/", devices.OneDevice.as_view(), name="device"),
    path("groups/", devices.Groups.as_view(), name="groups"),
    path("commands/", catalogue.Commands.as_view(), name="commands"),
    path(
        "commands/<str:request_type>/", catalogue.OneCommand.as_view(), name="command"
    ),
    path("orders/", orders.Orders.as_view(), name="orders"),
    path("orders/<id:pk>/", orders.OneOrder.as_view(), name="order"),
    path("orders/<id:pk>/recipients/", orders.Recipients.as_view(), name="recipients"),
    *(
        path(f"orders/<id:pk>/{name}/", view.as_view(), name=name)
        for name, view in orders.ACTS.items()
    ),
    path("deliveries/", deliveries.Deliveries.as_view(), name="deliveries"),
    path("deliveries/<id:pk>/", deliveries.OneDelivery.as_view(), name="delivery"),
    path("<path:rest>", description.Nowhere.as_view()),
]

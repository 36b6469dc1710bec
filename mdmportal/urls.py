"""URLs: those of the protocol are fixed, devices hold on to them."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from api.metrics import Metrics
from enrollment.views import (
    account,
    devices,
    invitations,
    migration,
    ota,
    pages,
    selfservice,
)

from . import views

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("mdm/checkin", devices.mdm, name="mdm-checkin"),
    path("mdm/connect", devices.mdm, name="mdm-connect"),
    path("mdm", devices.mdm, name="nanomdm-connect"),
    path("checkin", devices.mdm, name="nanomdm-checkin"),
    path("migration", migration.migrate, name="migration"),
    path("scep", devices.take_scep, name="scep"),
    path(
        ".well-known/com.apple.remotemanagement", account.well_known, name="well-known"
    ),
    path("enroll/", selfservice.home, name="self-service"),
    path("enroll/devices/", selfservice.devices, name="my-devices"),
    path(
        "enroll/devices/<int:pk>/<slug:name>/", selfservice.act, name="my-device-action"
    ),
    path("enroll/i/<str:token>/", invitations.invitation, name="invitation"),
    path(
        "enroll/i/<str:token>/profile", invitations.profile, name="invitation-profile"
    ),
    path("enroll/i/<str:token>/status", invitations.status, name="invitation-status"),
    path("enroll/<slug:code>/ota", ota.answer, name="enroll-ota"),
    path("enroll/<slug:code>/account", account.account, name="account"),
    path(
        "enroll/<slug:code>/authenticate",
        account.authenticate,
        name="account-authenticate",
    ),
    path(
        "enroll/<slug:code>/authenticated",
        account.authenticated,
        name="account-authenticated",
    ),
    path(
        "enroll/<slug:code>/oauth/authorize", account.authorize, name="oauth-authorize"
    ),
    path("enroll/<slug:code>/oauth/token", account.token, name="oauth-token"),
    path("enroll/<slug:code>/", pages.enroll, name="enroll"),
    path("enroll/<slug:code>/profile", pages.profile, name="enroll-profile"),
    path("enroll/<slug:code>/status", pages.status, name="enroll-status"),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="dashboard"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include("api.urls")),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

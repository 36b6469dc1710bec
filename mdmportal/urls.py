"""URLs: those of the protocol are fixed, devices hold on to them."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from enrollment import views as enrollment

from . import views

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("mdm/checkin", enrollment.mdm, name="mdm-checkin"),
    path("mdm/connect", enrollment.mdm, name="mdm-connect"),
    path("scep", enrollment.take_scep, name="scep"),
    path("enroll/<slug:code>/", enrollment.enroll, name="enroll"),
    path("enroll/<slug:code>/profile", enrollment.profile, name="enroll-profile"),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="dashboard"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
]

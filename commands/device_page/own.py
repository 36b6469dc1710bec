"""Our own tabs; others are added by the apps that know what is on them."""

from . import (
    commands,
    location,
    network,
    overview,
    restrictions,
    secrets,
    security,
    software,
    timeline,
    updates,
    users,
)
from .tabs import Tab, register

for tab in (
    Tab("overview", "Overview", overview.gather),
    Tab("apps", "Apps", software.apps),
    Tab("profiles", "Profiles", software.profiles),
    Tab("certificates", "Certificates", software.certificates),
    Tab("provisioning", "Provisioning", software.provisioning),
    Tab("restrictions", "Restrictions", restrictions.gather),
    Tab("security", "Security", security.gather),
    Tab("secrets", "Secrets", secrets.gather),
    Tab("network", "Network", network.gather),
    Tab("location", "Location", location.gather, location.PERMISSION),
    Tab("users", "Users", users.gather),
    Tab("updates", "Updates", updates.gather),
    Tab("timeline", "Timeline", timeline.gather),
    Tab("commands", "Commands", commands.gather),
    Tab("enrollments", "Enrollments", commands.gather_enrollments),
):
    register(tab)

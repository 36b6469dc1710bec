"""Users of a Mac or a Shared iPad: who there is, and opening and deleting accounts.

https://developer.apple.com/documentation/devicemanagement/user-list-command
"""

from typing import TYPE_CHECKING, Any

from mdmportal.protocol import ProtocolError, passwordhash

from ..errors import FormatError, malformed, mdm_error
from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel
    from ..state import Account

NO_SUCH_USER, LOGGED_IN, NOBODY, NOT_AWAITING = range(12050, 12054)
NOT_OF_SETUP = ("RequestType", "AutoSetupAdminAccounts")
QUOTA = 4096 * 1024 * 1024


def user_list(channel: "Channel", request: Request) -> Answer:
    of_mac = channel.device.is_mac
    accounts = channel.device.state.accounts.values()
    return {"Users": [_item(account, of_mac=of_mac) for account in accounts]}


def _item(account: "Account", *, of_mac: bool) -> dict[str, Any]:
    item: dict[str, Any] = {
        "UserName": account.short_name,
        "IsLoggedIn": account.logged_in,
    }
    if of_mac:
        return item | {
            "FullName": account.long_name,
            "UID": account.uid,
            "UserGUID": account.guid,
            "MobileAccount": False,
            "HasSecureToken": True,
        }
    return item | {"HasDataToSync": False, "DataQuota": QUOTA, "DataUsed": 0}


def delete_user(channel: "Channel", request: Request) -> Answer:
    accounts = channel.device.state.accounts
    if request.get("DeleteAllUsers"):
        names = [name for name, one in accounts.items() if not one.logged_in]
    elif "UserName" in request:
        names = [_account(channel, request["UserName"]).short_name]
    else:
        raise malformed("DeleteUser: there is neither UserName nor DeleteAllUsers")
    for name in names:
        if accounts[name].logged_in and not request.get("ForceDeletion"):
            raise mdm_error(LOGGED_IN, f"The user “{name}” is logged in.")
        _delete(channel, name)
    return {}


def _delete(channel: "Channel", name: str) -> None:
    user = channel.device.users.pop(name, None)
    if user:
        user.unregister()
    del channel.device.state.accounts[name]


def _account(channel: "Channel", name: str) -> "Account":
    account = channel.device.state.accounts.get(name)
    if account is None:
        raise mdm_error(NO_SUCH_USER, f"There is no user “{name}”.")
    return account


def unlock_user_account(channel: "Channel", request: Request) -> Answer:
    _account(channel, request["UserName"]).locked_out = False
    return {}


def log_out_user(channel: "Channel", request: Request) -> Answer:
    accounts = channel.device.state.accounts.values()
    present = [account for account in accounts if account.logged_in]
    if not present:
        raise mdm_error(NOBODY, "No user is logged in.")
    for account in present:
        account.logged_in = False
    return {}


def check_awaiting(channel: "Channel") -> None:
    """Raise Error where Setup Assistant is over, or does not wait for the server."""
    if not channel.awaits:
        raise mdm_error(NOT_AWAITING, "The device is not awaiting configuration.")


def account_configuration(channel: "Channel", request: Request) -> Answer:
    """Make the administrator that Setup Assistant is to make: the first, no other.

    The rest is for Setup Assistant to keep to.
    """
    check_awaiting(channel)
    channel.device.state.setup = {
        name: value for name, value in request.items() if name not in NOT_OF_SETUP
    }
    for wanted in request.get("AutoSetupAdminAccounts", [])[:1]:
        name = wanted["shortName"]
        account = channel.device.state.account(name, wanted.get("fullName", ""))
        account.made_by_setup = True
        account.password_hash = wanted.get("passwordHash", b"")
    return {}


def set_auto_admin_password(channel: "Channel", request: Request) -> Answer:
    for account in channel.device.state.accounts.values():
        if account.made_by_setup and account.guid == request["GUID"]:
            account.password_hash = _checked(request["passwordHash"])
            return {}
    raise mdm_error(NO_SUCH_USER, "There is no account of this GUID.")


def _checked(password_hash: bytes) -> bytes:
    try:
        passwordhash.matches(password_hash, "")
    except ProtocolError as error:
        raise FormatError from error
    return password_hash


ANSWERS: Table = {
    "AccountConfiguration": account_configuration,
    "DeleteUser": delete_user,
    "LogOutUser": log_out_user,
    "SetAutoAdminPassword": set_auto_admin_password,
    "UnlockUserAccount": unlock_user_account,
    "UserList": user_list,
}

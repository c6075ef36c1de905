"""Addresses for sign-in (the parts of django-allauth in use), the acting membership, members and the public lists."""

from allauth.account import views as allauth
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as mfa_recovery_codes
from allauth.mfa.totp import views as mfa_totp
from allauth.mfa.webauthn import views as mfa_webauthn
from django.db.transaction import non_atomic_requests
from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter
from django.views.decorators.cache import never_cache

from accounts import bounds  # noqa: F401  (registers the converters)
from accounts.views import (
    acting,
    emails,
    invitations,
    members,
    organisations,
    provider,
    public,
    reviews,
    root_emails,
    security,
    session,
    sign_on,
    tokens,
)


class MailDomainConverter(StringConverter):
    """A domain as it is stored."""

    regex = "[a-z0-9.-]+"


register_converter(MailDomainConverter, "mail_domain")
urlpatterns = [
    # What counts failures is in no transaction of the request: others see it at once, and no error takes it back.
    path("accounts/login/", non_atomic_requests(allauth.login), name="account_login"),
    path("accounts/login/code/", never_cache(non_atomic_requests(mfa.authenticate)), name="mfa_authenticate"),
    path("accounts/login/passkey/", non_atomic_requests(mfa_webauthn.login_webauthn), name="mfa_login_webauthn"),
    path("accounts/logout/", allauth.logout, name="account_logout"),
    path("accounts/inactive/", allauth.account_inactive, name="account_inactive"),
    path("accounts/reauthenticate/", allauth.reauthenticate, name="account_reauthenticate"),
    path("accounts/reauthenticate/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("accounts/reauthenticate/passkey/", mfa_webauthn.reauthenticate_webauthn, name="mfa_reauthenticate_webauthn"),
    path("accounts/password/change/", security.password_change, name="account_change_password"),
    path("accounts/password/reset/", non_atomic_requests(allauth.password_reset), name="account_reset_password"),
    path("accounts/password/reset/done/", allauth.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^accounts/password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        allauth.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "accounts/password/reset/key/done/",
        allauth.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    # Sign-in and security
    path("accounts/security/", security.security, name="mfa_index"),
    path("accounts/security/enrol/", security.enrol, name="enrol"),
    path("accounts/security/sessions/", security.session_list, name="session-list"),
    path("accounts/security/app/", never_cache(mfa_totp.activate_totp), name="mfa_activate_totp"),
    path("accounts/security/app/remove/", mfa_totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("accounts/security/recovery-codes/", security.recovery_codes_view, name="mfa_view_recovery_codes"),
    path(
        "accounts/security/recovery-codes/download/",
        security.recovery_codes_download,
        name="mfa_download_recovery_codes",
    ),
    path(
        "accounts/security/recovery-codes/new/",
        mfa_recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path("accounts/security/passkeys/", mfa_webauthn.list_webauthn, name="mfa_list_webauthn"),
    path("accounts/security/passkeys/add/", never_cache(mfa_webauthn.add_webauthn), name="mfa_add_webauthn"),
    path("accounts/security/passkeys/<row:pk>/name/", mfa_webauthn.edit_webauthn, name="mfa_edit_webauthn"),
    path("accounts/security/passkeys/<row:pk>/remove/", security.passkey_remove, name="mfa_remove_webauthn"),
    # Nobody signs up; django-allauth names the page in a mail to an address that has no account.
    path("accounts/signup/", acting.no_sign_up, name="account_signup"),
    path("accounts/acting/", acting.acting_choice, name="acting-choice"),
    path("accounts/session/", session.session_status, name="session-status"),
    path("accounts/session/extend/", session.session_extend, name="session-extend"),
    # The own organisation
    path("organisation/members/", members.member_list, name="member-list"),
    path("organisation/members/<row:pk>/", members.member_edit, name="member-edit"),
    path("organisation/members/<row:pk>/end/", members.member_end, name="member-end"),
    path("organisation/members/<row:pk>/reset-factors/", security.factors_reset, name="factors-reset"),
    path("organisation/members/invite/", invitations.invitation_add, name="invitation-add"),
    path("organisation/invitations/<row:pk>/send/", invitations.invitation_send, name="invitation-send"),
    path("organisation/invitations/<row:pk>/revoke/", invitations.invitation_revoke, name="invitation-revoke"),
    path("accounts/invitation/<str:secret>/", invitations.invitation_accept, name="invitation-accept"),
    path("organisation/members/<row:pk>/reinstate/", reviews.member_reinstate, name="member-reinstate"),
    path("organisation/review/", reviews.member_review, name="member-review"),
    path("organisation/root-emails/", root_emails.root_emails, name="root-emails"),
    path("organisation/tokens/", tokens.token_list, name="token-list"),
    path("organisation/tokens/add/", tokens.token_add, name="token-add"),
    path("organisation/tokens/<row:pk>/revoke/", tokens.token_revoke, name="token-revoke"),
    # All organisations, for the DCC
    path("organisations/", organisations.organisation_list, name="organisation-list"),
    path("organisations/add/", organisations.organisation_add, name="organisation-add"),
    path("organisations/<row:pk>/", organisations.organisation_detail, name="organisation-detail"),
    path("organisations/<row:pk>/bind/", organisations.code_bind, name="code-bind"),
    path("organisations/<row:pk>/appoint/", organisations.administrator_appoint, name="administrator-appoint"),
    path("organisations/<row:pk>/activity/", organisations.organisation_activity, name="organisation-activity"),
    path("organisations/<row:pk>/reset-factors/", organisations.member_factors_reset, name="member-factors-reset"),
    path("organisations/bindings/<row:pk>/unbind/", organisations.code_unbind, name="code-unbind"),
    path("organisations/proposals/", organisations.proposal_list, name="proposal-list"),
    path("organisations/proposals/<row:pk>/", organisations.proposal_detail, name="proposal-detail"),
    path("organisations/emails/", emails.unsent_email_list, name="unsent-email-list"),
    path("organisations/emails/<row:pk>/send/", emails.unsent_email_send, name="unsent-email-send"),
    path("organisations/reviews/", reviews.organisation_reviews, name="organisation-reviews"),
    # Single sign-on
    path("accounts/sign-on/", provider.sign_on_start, name="sign-on-start"),
    path("accounts/sign-on/again/", provider.sign_on_again, name="sign-on-again"),
    path("accounts/sign-on/again/go/", provider.sign_on_confirm, name="sign-on-confirm"),
    path("accounts/sign-on/again/resume/", provider.sign_on_resume, name="sign-on-resume"),
    path("accounts/sign-on/<slug:provider_id>/", provider.sign_on_provider, name="sign-on-provider"),
    # Of single sign-on, only what signs in: nobody connects or disconnects anything by themselves.
    path("accounts/oidc/<slug:provider_id>/login/", provider.provider_login, name="openid_connect_login"),
    path(
        "accounts/oidc/<slug:provider_id>/login/callback/",
        provider.provider_callback,
        name="openid_connect_callback",
    ),
    path("organisations/<row:pk>/sign-on/", sign_on.sign_on, name="sign-on"),
    path("organisations/<row:pk>/sign-on/provider/", sign_on.sign_on_edit, name="sign-on-edit"),
    path("organisations/<row:pk>/sign-on/switch/", sign_on.sign_on_switch, name="sign-on-switch"),
    path("organisations/<row:pk>/sign-on/domains/add/", sign_on.mail_domain_add, name="mail-domain-add"),
    path(
        "organisations/<row:pk>/sign-on/domains/<mail_domain:domain>/check/",
        sign_on.mail_domain_check,
        name="mail-domain-check",
    ),
    path(
        "organisations/<row:pk>/sign-on/domains/<mail_domain:domain>/give-up/",
        sign_on.mail_domain_give_up,
        name="mail-domain-give-up",
    ),
    path("participants/", public.participant_list, name="participant-list"),
    path("who-may-do-what/", public.who_may_do_what, name="who-may-do-what"),
]

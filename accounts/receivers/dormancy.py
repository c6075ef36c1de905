"""What a sign-in means for memberships that were about to be suspended."""

from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver

from accounts.actions.dormancy import take_warning_back
from accounts.models import User


@receiver(user_logged_in, dispatch_uid="dormancy")
def log_in(user: User, **_: object) -> None:
    take_warning_back(user)

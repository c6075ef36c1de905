"""What happens when Django and django-allauth tell of sign-ins, passwords and second factors."""

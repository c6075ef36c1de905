"""What happens when Django and django-allauth signal sign-ins, passwords and second factors."""

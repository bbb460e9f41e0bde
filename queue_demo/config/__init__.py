from config.celery import app as celery_app  # tasks bind to it, whichever process imports them

__all__ = ["celery_app"]

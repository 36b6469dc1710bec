# The portal: web server, worker and beat are the same image with another command.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1
WORKDIR /portal

COPY requirements.txt .
RUN pip install --disable-pip-version-check --root-user-action=ignore -r requirements.txt

COPY . .
# What follows serves; the embedded default is for trying out.
ENV MDM_EMBEDDED=false MDM_DATA=/portal/var
RUN useradd --system --uid 10001 --no-create-home portal \
    && install -d -o portal /portal/catalogue \
    && python -m compileall -q . \
    && python manage.py collectstatic --noinput --verbosity 0
USER portal

EXPOSE 8000
# A process for each core, each with one thread: more only stand in each other's way.
CMD ["sh", "-c", "exec granian --interface wsgi --host 0.0.0.0 --port 8000 \
    --workers ${WEB_WORKERS:-$(nproc)} --blocking-threads 1 \
    --respawn-failed-workers --log-level warning mdmportal.wsgi:application"]

# One image for every demo: docker build --build-arg DEMO=rest_demo .
# and one in which the tests run: docker build --target workbench .

FROM python:3.13-slim AS builder
ENV UV_LINK_MODE=copy PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
COPY constraints.txt ./
# pip brings uv, by its hash; uv then checks every package against the hashes of constraints.txt
RUN sed -n '/^uv==/,/[^\\]$/p' constraints.txt >uv.txt \
    && pip install --no-cache-dir --no-deps --require-hashes -r uv.txt \
    && python -m venv --without-pip /venv

FROM builder AS demo-packages
ARG DEMO
COPY labkit/requirements.txt labkit/
COPY ${DEMO}/requirements.txt ${DEMO}/
RUN --mount=type=cache,target=/root/.cache/uv \
    uv pip install --compile-bytecode --python /venv/bin/python -r labkit/requirements.txt -r "${DEMO}/requirements.txt" -c constraints.txt

# These files alone: the workbench's packages are installed again only when one of them changes.
FROM builder AS requirements
WORKDIR /tree
COPY . .
RUN mkdir /requirements && find . -name requirements.txt -exec cp --parents -t /requirements {} + \
    && mkdir /pages && find . -path './*_demo/lab/*.md' -exec cp --parents -t /pages {} +

# .venv as `make` makes it natively: made-from tells it that the packages are the pinned ones
FROM builder AS workbench-packages
WORKDIR /app
COPY --from=requirements /requirements ./
COPY constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/uv \
    python -m venv --without-pip .venv \
    && find . -path ./.venv -prune -o -name requirements.txt -printf '-r %p\n' >all.txt \
    && uv pip install --compile-bytecode --python .venv/bin/python -r all.txt -c constraints.txt \
    && cat constraints.txt ./*/requirements.txt >/pins && cksum </pins >.venv/made-from

FROM python:3.13-slim AS runtime
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 PORT=8000 GUNICORN_CMD_ARGS=--bind=0.0.0.0:8000 UVICORN_HOST=0.0.0.0 UVICORN_PORT=8000 \
    ALIVE_FILE=/tmp/alive MALLOC_ARENA_MAX=2
RUN groupadd --gid 10001 nexus && useradd --uid 10001 --gid nexus --no-create-home --home-dir /tmp nexus
USER 10001:10001

# Everything of the native set-up. The tests here are the native ones, and start their servers in this container.
FROM python:3.13-slim AS workbench
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        postgresql redis-server rabbitmq-server memcached nginx-light nodejs npm git make curl jq procps \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 nexus && useradd --uid 10001 --gid nexus --no-create-home --home-dir /tmp nexus \
    && git config --system safe.directory /app
WORKDIR /app
COPY --from=workbench-packages /app/.venv .venv
COPY . .
# Some tests ask git. The files are root's: a test cannot change them. The folder takes .env and .run.
RUN git init --quiet && git add --all \
    && git -c user.name=workbench -c user.email=workbench@localhost commit --quiet --message "chore: what is tested" \
    && chown nexus:nexus /app
ENV PATH=/app/.venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 RUNTIME=native
USER 10001:10001
CMD ["python", "-m", "nexus", "test"]

FROM runtime AS demo
ARG DEMO
COPY --from=demo-packages /venv /venv
COPY nexus /app/nexus
COPY labkit /app/labkit
COPY patterns /app/patterns
# the challenges' pages of all demos: the portal shows them
COPY --from=requirements /pages /app
COPY ${DEMO} /app/${DEMO}
WORKDIR /app/${DEMO}
CMD ["gunicorn", "--no-control-socket", "--workers", "2", "config.wsgi:application"]

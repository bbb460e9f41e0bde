# One image for every demo: docker build --build-arg DEMO=rest_demo .
# and one with everything, in which the tests run: docker build --target workbench .

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

FROM builder AS workbench-packages
COPY . /build/tree
RUN --mount=type=cache,target=/root/.cache/uv \
    find tree -name requirements.txt -exec printf -- '-r %s\n' {} + >all.txt \
    && uv pip install --compile-bytecode --python /venv/bin/python -r all.txt -c constraints.txt

FROM python:3.13-slim AS runtime
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GRANIAN_HOST=0.0.0.0 GRANIAN_PORT=8000 GRANIAN_WEBSOCKETS=0 ALIVE_FILE=/tmp/alive
RUN groupadd --gid 10001 nexus && useradd --uid 10001 --gid nexus --no-create-home --home-dir /tmp nexus
USER 10001:10001

FROM runtime AS workbench
COPY --from=workbench-packages /venv /venv
COPY . /app
WORKDIR /app
CMD ["python", "-m", "nexus", "test"]

FROM runtime AS demo
ARG DEMO
COPY --from=demo-packages /venv /venv
COPY nexus /app/nexus
COPY labkit /app/labkit
COPY patterns /app/patterns
COPY ${DEMO} /app/${DEMO}
WORKDIR /app/${DEMO}
CMD ["granian", "--interface", "wsgi", "--workers", "2", "--blocking-threads", "1", "config.wsgi:application"]

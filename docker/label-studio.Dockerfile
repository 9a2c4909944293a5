# Label Studio, in an image of its own: its requirements contradict Prefect's.
FROM python:3.11-slim-bookworm

# Compiled in the image: a user without rights there would compile everything at each start.
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UV_COMPILE_BYTECODE=1

RUN pip install --no-cache-dir uv==0.13.8 \
    && useradd --uid 1000 --create-home label-studio \
    && mkdir -p /label-studio/data /label-studio/documents/pictures \
    && chown -R label-studio /label-studio

COPY constraints-label-studio.txt /tmp/
RUN uv pip install --system --no-cache --constraint /tmp/constraints-label-studio.txt label-studio

COPY --chmod=755 docker/label-studio-start /usr/local/bin/label-studio-start

USER label-studio
EXPOSE 8080
CMD ["label-studio-start"]

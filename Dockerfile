FROM python:3.13-slim
WORKDIR /cadenza
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN useradd --create-home cadenza && mkdir /data && chown cadenza /data
USER cadenza
ENV CADENZA_DATA=/data PYTHONUNBUFFERED=1
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=8", "app:create_app()"]

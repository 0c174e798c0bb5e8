# The service that a sidecar registers by itself, written down: for those who would rather have it in
# the agent's configuration (then set consul.register_service = false), and for reading what it means.
#
#   consul services register consul/service-openclaw-gateway.hcl
#
# That lasts as long as the agent's data; to keep it with its configuration, copy the file to
# /etc/consul.d/; then `consul validate /etc/consul.d` and `consul reload`.

service {
  name = "openclaw-gateway"

  # One per gateway; the name after the dash is gateway.name.
  id = "openclaw-gateway-jerry-gateway"

  # Where the OpenClaw gateway listens (gateway.url), not the sidecar.
  address = "127.0.0.1"
  port    = 18789

  meta = {
    gateway = "jerry-gateway"
  }

  # The sidecar's merged health (DESIGN 6): 200 healthy = passing, 429 degraded = warning, 503 draining
  # or dead = critical. Its body is the whole board, cut by Consul at 4 KB.
  check {
    name     = "sideclaw health"
    http     = "http://127.0.0.1:18790/health"
    interval = "10s"
    timeout  = "5s"

    # Much longer than any restart: a gateway with many plugins takes up to 300 s to start.
    deregister_critical_service_after = "10m"
  }

  # To route with Traefik (consul/traefik-static.yaml), let its check follow the traffic page instead: it
  # is critical also while starting, and never a warning, which strictChecks would take for a failure.
  #
  # tags = [
  #   "traefik.enable=true",
  #   "traefik.http.routers.jerry.rule=Host(`jerry.example.org`)",
  #   "traefik.http.routers.jerry.entrypoints=websecure",
  #   "traefik.http.routers.jerry.tls=true",
  # ]
  # check {
  #   name     = "sideclaw traffic"
  #   http     = "http://127.0.0.1:18790/health/traffic"
  #   interval = "5s"
  #   timeout  = "2s"
  # }
}

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

  # Where the OpenClaw gateway listens (gateway.url, or consul.service_address), not the sidecar.
  address = "127.0.0.1"
  port    = 18789

  # The sidecar finds its own instance, and whether it is in maintenance mode, by `gateway`. It also
  # writes its version and the names of the agents here ("version", "agents").
  meta = {
    gateway = "jerry-gateway"
  }

  # consul.tags: what Traefik reads (consul/traefik-static.yaml).
  #
  # tags = [
  #   "traefik.enable=true",
  #   "traefik.http.routers.jerry.rule=Host(`jerry.example.org`)",
  #   "traefik.http.routers.jerry.entrypoints=websecure",
  #   "traefik.http.routers.jerry.tls=true",
  # ]

  # A check for each reader's page (DESIGN 6; consul.check_page takes one of them alone). Their ids are
  # the sidecar's, which registers them in place. An agent that does not reach the sidecar is told
  # instead (consul.check_type = "ttl"): then these have ttl = "30s" in place of http, interval, timeout.
  checks = [
    {
      # For people and Consul: 200 healthy = passing, 429 degraded = warning, 503 draining or dead =
      # critical. Its body is the whole board, cut by Consul at 4 KB.
      id       = "service:openclaw-gateway-jerry-gateway"
      name     = "sideclaw health"
      http     = "http://127.0.0.1:18790/health"
      interval = "10s"
      timeout  = "5s"

      # Much longer than any restart: a gateway with many plugins takes up to 300 s to start.
      deregister_critical_service_after = "600s"
    },
    {
      # For Traefik: critical also while starting, and never a warning. With the check above beside it
      # "warning" is a degraded gateway, which serves: strictChecks = ["passing", "warning"] keeps it.
      id       = "service:openclaw-gateway-jerry-gateway:traffic"
      name     = "sideclaw traffic"
      http     = "http://127.0.0.1:18790/health/traffic"
      interval = "10s"
      timeout  = "5s"

      deregister_critical_service_after = "600s"
    },
  ]
}

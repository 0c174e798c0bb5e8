# N OpenClaw gateways with their sidecars, one on each of N nodes, named after their nodes.
#
# Before: the node has the host volumes openclaw and sideclaw (nomad/client.hcl), owned by
# var.user, and openclaw, its Node and sideclawd under /usr, which Nomad's chroot has. Give each gateway
# agents of its own (their ids are unique in the mesh); messages find them by id or by capability.
# The secrets, which no file holds (the mesh key is the same on every gateway: openssl rand -hex 32 > mesh.key):
#   nomad var put nomad/jobs/openclaw-gateways gateway_token="$(openssl rand -hex 24)" \
#       mesh_key=@mesh.key redis_password=...          (the last one only with -var redis_auth=true)
#   nomad job run -var gateways=3 nomad/gateways.nomad.hcl

variable "gateways" {
  type        = number
  default     = 2
  description = "How many; each on a node of its own, named after the node."
}

variable "canary" {
  type        = number
  default     = 0
  description = "1 tries a new version on a spare node first: needs one more node than gateways."
}

variable "datacenters" {
  type        = list(string)
  default     = ["*"]
  description = "Where it may run."
}

variable "mesh" {
  type        = string
  default     = "openclaw"
  description = "cluster.id of the sidecars: the same for every gateway of the mesh."
}

variable "host" {
  type        = string
  default     = "openclaw.example.org"
  description = "The name under which Traefik serves the gateway."
}

variable "proxy" {
  type        = string
  default     = "127.0.0.1"
  description = "Where Traefik's requests come from (gateway.trustedProxies)."
}

variable "bind" {
  type        = string
  default     = "lan"
  description = "Where the gateway listens: lan, tailnet or loopback (Traefik on this node only)."
}

variable "host_network" {
  type        = string
  default     = "default"
  description = "Network of the ports: default, or one that nomad/client.hcl names, as tailnet."
}

variable "redis_url" {
  type        = string
  default     = "redis://127.0.0.1:6379"
  description = "As the node reaches it; without the password, which is a secret."
}

variable "redis_auth" {
  type        = bool
  default     = false
  description = "Redis asks for a password: redis_password, beside the other secrets."
}

variable "consul_addr" {
  type        = string
  default     = "http://127.0.0.1:8500"
  description = "The Consul agent of the node."
}

variable "consul_acl" {
  type        = bool
  default     = false
  description = "Consul has ACLs: the sidecar logs in with its workload identity."
}

variable "openclaw" {
  type        = string
  default     = "/usr/local/bin/openclaw"
  description = "The gateway's program on the node."
}

variable "sideclawd" {
  type        = string
  default     = "/usr/local/bin/sideclawd"
  description = "The sidecar's program on the node."
}

variable "user" {
  type        = string
  default     = "openclaw"
  description = "Who runs both and owns the two host volumes."
}

variable "stop_timeout" {
  type        = string
  default     = "60s"
  description = "What running turns get when the gateway is stopped; a frozen one is killed only after it, too."
}

job "openclaw-gateways" {
  datacenters = var.datacenters
  type        = "service"

  # One after the other; the next one only when the one before takes requests again, so the first is the
  # canary of the rest. With a spare node, var.canary = 1 starts the new version there beside all old ones:
  # it is a gateway with the name and the state of that node, so no two ever share either. Once promoted,
  # one of the old ones stops; messages for its agents wait on its node's disk and with their senders.
  update {
    max_parallel      = 1
    canary            = var.canary
    auto_promote      = var.canary > 0
    auto_revert       = true
    health_check      = "checks"
    min_healthy_time  = "30s"
    healthy_deadline  = "8m"
    progress_deadline = "12m"
  }

  # The same when nodes are drained.
  migrate {
    max_parallel     = 1
    health_check     = "checks"
    min_healthy_time = "30s"
    healthy_deadline = "8m"
  }

  group "gateway" {
    count = var.gateways

    # Ports and state are the node's.
    constraint {
      operator = "distinct_hosts"
      value    = "true"
    }

    # A node that is cut off stops its gateway by itself, before another node's takes over what it owned: two
    # that answer on one channel are worse than none. Nomad then places one on a spare node.
    disconnect {
      stop_on_client_after = "90s"
      replace              = true
    }

    reschedule {
      delay          = "30s"
      delay_function = "exponential"
      max_delay      = "10m"
      unlimited      = true
    }

    # The gateway is started again where it is, for ever: its state is here.
    restart {
      attempts = 5
      interval = "30m"
      delay    = "5s"
      mode     = "delay"
    }

    # Between leaving Consul and the first signal: Traefik has dropped the route before anything stops.
    shutdown_delay = "10s"

    network {
      mode = "host"

      port "gateway" {
        static       = 18789
        host_network = var.host_network
      }

      port "sideclaw" {
        static       = 18790
        host_network = var.host_network
      }
    }

    # Both are host volumes of the node (nomad/client.hcl). Two, so that what the gateway's agents run
    # reaches neither the sidecar's keys nor its control socket.
    volume "openclaw" {
      type   = "host"
      source = "openclaw"
    }

    volume "sideclaw" {
      type   = "host"
      source = "sideclaw"
    }

    # The gateway, as other programs find it. consul.register_service is false below, since this is it.
    service {
      name = "openclaw-gateway"
      port = "gateway"

      tags = [
        "traefik.enable=true",
        "traefik.http.routers.openclaw.rule=Host(`${var.host}`)",
        "traefik.http.routers.openclaw.entrypoints=websecure",
        "traefik.http.routers.openclaw.tls=true",
        "traefik.http.services.openclaw.loadbalancer.sticky.cookie.name=openclaw",
        "traefik.http.services.openclaw.loadbalancer.sticky.cookie.secure=true",
        "traefik.http.services.openclaw.loadbalancer.sticky.cookie.httponly=true",
        # Traefik's own look, beside Consul's: a gateway that is gone or frozen is left within seconds.
        "traefik.http.services.openclaw.loadbalancer.healthcheck.path=/startupz",
        "traefik.http.services.openclaw.loadbalancer.healthcheck.interval=1s",
        "traefik.http.services.openclaw.loadbalancer.healthcheck.timeout=3s",
        # Again what no gateway was given (never what one has begun with): until Traefik has noticed.
        "traefik.http.middlewares.openclaw-retry.retry.attempts=8",
        "traefik.http.middlewares.openclaw-retry.retry.initialinterval=250ms",
        "traefik.http.routers.openclaw.middlewares=openclaw-retry",
        # consul/traefik-dynamic.yaml has more: headers, a bound for each client, a shorter time to connect.
        # "traefik.http.routers.openclaw.middlewares=openclaw@file",
        # "traefik.http.services.openclaw.loadbalancer.serverstransport=openclaw@file",
      ]

      # A canary is checked like the others, and gets no requests before it is promoted.
      canary_tags = ["traefik.enable=false"]

      meta {
        gateway = "${node.unique.name}-gateway"
      }

      # For Traefik (strictChecks = ["passing"]): fails while starting, draining and dead.
      check {
        name     = "traffic"
        type     = "http"
        port     = "sideclaw"
        path     = "/health/traffic"
        interval = "5s"
        timeout  = "2s"
      }

      # For Nomad: fails only when two independent signals call the gateway dead; never because Redis or
      # Consul is away, where a restart would not help. Three failures in a row: a sidecar that is itself
      # being restarted (2 s) does not take the gateway with it.
      check {
        name     = "live"
        type     = "http"
        port     = "sideclaw"
        path     = "/health/live"
        task     = "gateway"
        interval = "5s"
        timeout  = "3s"

        check_restart {
          limit           = 3
          grace           = "300s"
          ignore_warnings = true
        }
      }
    }

    # The sidecar: the whole board for people and Consul, /metrics for Prometheus. A service of its own,
    # because a degraded gateway is a warning here and still serves its users.
    service {
      name = "sideclaw"
      port = "sideclaw"

      meta {
        gateway = "${node.unique.name}-gateway"
      }

      check {
        name      = "health"
        type      = "http"
        path      = "/health"
        interval  = "10s"
        timeout   = "5s"
        on_update = "ignore_warnings"
      }
    }

    # A first configuration where there is none; the gateway keeps and rewrites the file afterwards.
    task "prepare" {
      driver = "exec"
      user   = var.user

      lifecycle {
        hook = "prestart"
      }

      config {
        command = "/bin/sh"
        args    = ["${NOMAD_TASK_DIR}/prepare.sh"]
      }

      volume_mount {
        volume      = "openclaw"
        destination = "/var/lib/openclaw"
      }

      template {
        destination = "local/openclaw.json"
        data        = <<-EOF
          {
            "gateway": {
              "mode": "local",
              "trustedProxies": ["${var.proxy}"],
              "controlUi": { "allowedOrigins": ["https://${var.host}"] }
            }
          }
        EOF
      }

      template {
        destination = "local/prepare.sh"
        data        = <<-EOF
          set -eu
          cd /var/lib/openclaw
          mkdir -p tmp
          test -e openclaw.json || cp "{{ env "NOMAD_TASK_DIR" }}/openclaw.json" .
        EOF
      }

      resources {
        cpu    = 50
        memory = 64
      }
    }

    # Up before the gateway and until after it: it starts first, and Nomad stops sidecars last, so it still
    # sees the gateway finish.
    task "sideclaw" {
      driver = "exec"
      user   = var.user

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      config {
        command = var.sideclawd
        args    = ["--config", "${NOMAD_TASK_DIR}/sideclaw.conf"]
      }

      volume_mount {
        volume      = "sideclaw"
        destination = "/var/lib/sideclaw"
      }

      # Back within seconds whatever ends it; what it had accepted is on disk.
      restart {
        attempts = 30
        interval = "10m"
        delay    = "2s"
        mode     = "delay"
      }

      kill_signal  = "SIGTERM"
      kill_timeout = "15s"

      # With ACLs Nomad gets a Consul token for this task and writes it to secrets/consul_token.
      dynamic "identity" {
        for_each = var.consul_acl ? ["consul_default"] : []
        content {
          name = identity.value
          aud  = ["consul.io"]
          ttl  = "1h"
        }
      }

      template {
        destination   = "local/sideclaw.conf"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = <<-EOF
          state_dir = "/var/lib/sideclaw";
          labels = { os = "{{ env "attr.kernel.name" }}"; group = "homelab"; };
          cluster = { id = "${var.mesh}"; };
          gateway = {
            name = "{{ env "node.unique.name" }}-gateway";
            url = "ws://127.0.0.1:{{ env "NOMAD_PORT_gateway" }}";
            token_file = "{{ env "NOMAD_SECRETS_DIR" }}/gateway.token";
            start_grace_s = 300;
          };
          consul = {
            addr = "${var.consul_addr}";
            register_service = false;
          {{ if ${var.consul_acl} }}  token_file = "{{ env "NOMAD_SECRETS_DIR" }}/consul_token";{{ end }}
          };
          redis = {
            url = "${var.redis_url}";
          {{ if ${var.redis_auth} }}  password_file = "{{ env "NOMAD_SECRETS_DIR" }}/redis.password";{{ end }}
          };
          http = { listen = "{{ env "NOMAD_ADDR_sideclaw" }}"; };
          mesh = { key_file = "{{ env "NOMAD_SECRETS_DIR" }}/mesh.key"; };
        EOF
      }

      template {
        destination   = "secrets/gateway.token"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        data          = "{{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .gateway_token }}{{ end }}"
      }

      # These two are read once; the sidecar is started again when they change, and loses nothing.
      template {
        destination = "secrets/mesh.key"
        change_mode = "restart"
        data        = "{{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .mesh_key }}{{ end }}"
      }

      template {
        destination = "secrets/redis.password"
        change_mode = "restart"
        data        = "{{ if ${var.redis_auth} }}{{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .redis_password }}{{ end }}{{ end }}"
      }

      resources {
        cpu        = 100
        memory     = 64
        memory_max = 256
      }
    }

    task "gateway" {
      driver = "exec"
      user   = var.user
      leader = true

      config {
        command = var.openclaw
        args    = ["gateway", "run", "--port", "${NOMAD_PORT_gateway}", "--bind", var.bind]
      }

      volume_mount {
        volume      = "openclaw"
        destination = "/var/lib/openclaw"
      }

      # On SIGTERM OpenClaw takes no new turns and finishes the running ones, for up to 315 s. A frozen one does
      # not even hear it and is back only when this is over, so it is short: before a planned stop say
      # `sideclaw drain --wait`. More than 30 s needs max_kill_timeout in nomad/client.hcl. Never SIGUSR1, which
      # opens Node's debugger.
      kill_signal  = "SIGTERM"
      kill_timeout = var.stop_timeout

      env {
        HOME                     = "/var/lib/openclaw"
        TMPDIR                   = "/var/lib/openclaw/tmp"
        OPENCLAW_STATE_DIR       = "/var/lib/openclaw"
        OPENCLAW_CONFIG_PATH     = "/var/lib/openclaw/openclaw.json"
        OPENCLAW_NO_RESPAWN      = "1"
        OPENCLAW_NO_AUTO_UPDATE  = "1"
        OPENCLAW_DISABLE_BONJOUR = "1"
      }

      template {
        destination = "secrets/gateway.env"
        env         = true
        change_mode = "restart"
        data        = "OPENCLAW_GATEWAY_TOKEN={{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .gateway_token }}{{ end }}"
      }

      resources {
        cpu        = 1000
        memory     = 1500
        memory_max = 3000
      }

      logs {
        max_files     = 5
        max_file_size = 10
      }
    }
  }
}

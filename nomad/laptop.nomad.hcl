# An OpenClaw gateway on a laptop: it sleeps, travels and comes back.
#
# Before: the laptop's client has raw_exec, node_class = "laptop", meta openclaw_state and a host network
# tailnet (nomad/client.hcl), and its Consul agent joins the others over that network.
# Its secrets, which no file holds (the mesh key is the same on every gateway: openssl rand -hex 32 > mesh.key):
#   nomad var put nomad/jobs/openclaw-laptop gateway_token="$(openssl rand -hex 24)" \
#       mesh_key=@mesh.key redis_password=...          (the last one only with -var redis_auth=true)
#   nomad job run nomad/laptop.nomad.hcl
#
# One gateway per job: for another one copy this file and change the job's name, or see gateways.nomad.hcl.

variable "gateway" {
  type        = string
  default     = "laptop-gateway"
  description = "The gateway's name in the mesh; no other gateway may have it."
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

variable "host_network" {
  type        = string
  default     = "tailnet"
  description = "Network of the ports (nomad/client.hcl): one whose address stays the same wherever it is."
}

variable "redis_url" {
  type        = string
  default     = "redis://redis.service.consul:6379"
  description = "As the laptop reaches it; without the password, which is a secret."
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

variable "stop_timeout" {
  type        = string
  default     = "60s"
  description = "What running turns get when the gateway is stopped; a frozen one is killed only after it, too."
}

job "openclaw-laptop" {
  datacenters = var.datacenters
  type        = "service"

  # One gateway, one state folder: the new one cannot run beside the old one, so no canary. A gateway takes
  # up to 300 s to start; a version that never becomes healthy is taken back.
  update {
    max_parallel      = 1
    canary            = 0
    health_check      = "checks"
    min_healthy_time  = "15s"
    healthy_deadline  = "8m"
    progress_deadline = "12m"
    auto_revert       = true
  }

  group "gateway" {
    count = 1

    constraint {
      attribute = "${node.class}"
      value     = "laptop"
    }

    # The node says where the state is (meta of nomad/client.hcl): raw_exec mounts no volumes.
    constraint {
      attribute = "${meta.openclaw_state}"
      operator  = "is_set"
    }

    # Closed for a month it is still the same gateway: nothing is started elsewhere, and what ran goes on when
    # the lid opens. Messages for its agents wait with their senders (messages.ttl_s of those), ours here.
    disconnect {
      lost_after = "720h"
      replace    = false
      reconcile  = "keep_original"
    }

    reschedule {
      attempts  = 0
      unlimited = false
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

    # The gateway, as other programs find it. consul.register_service is false below, since this is it.
    service {
      name = "openclaw-gateway"
      port = "gateway"

      meta {
        gateway = "${var.gateway}"
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
        gateway = "${var.gateway}"
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
      driver = "raw_exec"

      lifecycle {
        hook = "prestart"
      }

      config {
        command = "/bin/sh"
        args    = ["${NOMAD_TASK_DIR}/prepare.sh"]
      }

      template {
        destination = "local/openclaw.json"
        perms       = "600"
        data        = <<-EOF
          {
            "gateway": {
              "mode": "local"
            }
          }
        EOF
      }

      template {
        destination = "local/prepare.sh"
        data        = <<-EOF
          set -eu
          cd "{{ env "meta.openclaw_state" }}"
          mkdir -p openclaw/tmp sideclaw
          cd openclaw
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
      driver = "raw_exec"

      lifecycle {
        hook    = "prestart"
        sidecar = true
      }

      config {
        command = var.sideclawd
        args    = ["--config", "${NOMAD_TASK_DIR}/sideclaw.conf"]
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
          state_dir = "{{ env "meta.openclaw_state" }}/sideclaw";
          labels = { os = "{{ env "attr.kernel.name" }}"; group = "laptop"; };
          cluster = { id = "${var.mesh}"; };
          gateway = {
            name = "${var.gateway}";
            url = "ws://127.0.0.1:{{ env "NOMAD_PORT_gateway" }}";
            token_file = "{{ env "NOMAD_SECRETS_DIR" }}/gateway.token";
            start_grace_s = 300;
          };
          consul = {
            addr = "${var.consul_addr}";
            register_service = false;
            heartbeat_s = 45;
            session_ttl_s = 120;
          {{ if ${var.consul_acl} }}  token_file = "{{ env "NOMAD_SECRETS_DIR" }}/consul_token";{{ end }}
          };
          redis = {
            url = "${var.redis_url}";
          {{ if ${var.redis_auth} }}  password_file = "{{ env "NOMAD_SECRETS_DIR" }}/redis.password";{{ end }}
          };
          http = { listen = "{{ env "NOMAD_ADDR_sideclaw" }}"; };
          mesh = { key_file = "{{ env "NOMAD_SECRETS_DIR" }}/mesh.key"; };
          messages = { ttl_s = 604800; };
        EOF
      }

      template {
        destination   = "secrets/gateway.token"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        perms         = "600"
        data          = "{{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .gateway_token }}{{ end }}"
      }

      # These two are read once; the sidecar is started again when they change, and loses nothing.
      template {
        destination = "secrets/mesh.key"
        change_mode = "restart"
        perms       = "600"
        data        = "{{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .mesh_key }}{{ end }}"
      }

      template {
        destination = "secrets/redis.password"
        change_mode = "restart"
        perms       = "600"
        data        = "{{ if ${var.redis_auth} }}{{ with nomadVar (printf \"nomad/jobs/%s\" (env \"NOMAD_JOB_ID\")) }}{{ .redis_password }}{{ end }}{{ end }}"
      }

      resources {
        cpu        = 100
        memory     = 64
        memory_max = 256
      }
    }

    task "gateway" {
      driver = "raw_exec"
      leader = true

      config {
        command = var.openclaw
        args    = ["gateway", "run", "--port", "${NOMAD_PORT_gateway}", "--bind", "loopback"]
      }

      # On SIGTERM OpenClaw takes no new turns and finishes the running ones, for up to 315 s. A frozen one does
      # not even hear it and is back only when this is over, so it is short: before a planned stop say
      # `sideclaw drain --wait`. More than 30 s needs max_kill_timeout in nomad/client.hcl. Never SIGUSR1, which
      # opens Node's debugger.
      kill_signal  = "SIGTERM"
      kill_timeout = var.stop_timeout

      env {
        HOME                     = "${meta.openclaw_state}/openclaw"
        TMPDIR                   = "${meta.openclaw_state}/openclaw/tmp"
        OPENCLAW_STATE_DIR       = "${meta.openclaw_state}/openclaw"
        OPENCLAW_CONFIG_PATH     = "${meta.openclaw_state}/openclaw/openclaw.json"
        OPENCLAW_NO_RESPAWN      = "1"
        OPENCLAW_NO_AUTO_UPDATE  = "1"
        OPENCLAW_DISABLE_BONJOUR = "1"
      }

      template {
        destination = "secrets/gateway.env"
        env         = true
        change_mode = "restart"
        perms       = "600"
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

# What the jobs of this folder need of a Nomad client, to be added to the one you have:
#
#   cp nomad/client.hcl /etc/nomad.d/sideclaw.hcl && systemctl restart nomad
#
# The folders first; an agent's shell runs as the owner of the first one:
#   useradd --system openclaw && install -d -o openclaw -m 700 /srv/openclaw /srv/sideclaw
# (uid 1000 instead for podman; then run exec's jobs with -var user=openclaw)

client {
  enabled = true

  # Nomad cuts every task's kill_timeout down to this, by default 30 s. OpenClaw finishes running turns for
  # up to 315 s.
  max_kill_timeout = "6m"

  # Stopping the client (a reboot) moves or stops the gateways properly first.
  drain_on_shutdown {
    deadline           = "7m"
    ignore_system_jobs = true
  }

  # The gateway's state: configuration, sessions, credentials of channels.
  host_volume "openclaw" {
    path = "/srv/openclaw"
  }

  # The sidecar's: messages on disk, its keys, the tokens of its HTTP API.
  host_volume "sideclaw" {
    path = "/srv/sideclaw"
  }

  # For raw_exec, which mounts no volumes. The jobs make openclaw/ and sideclaw/ in it.
  meta {
    openclaw_state = "/srv/state"
  }

  # For -var host_network=tailnet: the ports are on the private network, also when the laptop moves.
  host_network "tailnet" {
    interface = "tailscale0"
  }

  # node_class = "laptop"     for nomad/laptop.nomad.hcl
}

plugin "raw_exec" {
  config {
    enabled = true
  }
}

# For gateway-podman.nomad.hcl: nomad-driver-podman in plugin_dir, podman's system socket enabled.
plugin "nomad-driver-podman" {
  config {
    volumes {
      enabled = true
    }
  }
}

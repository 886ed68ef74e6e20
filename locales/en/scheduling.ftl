# Scheduling: why a host cannot take a VM, and what weighs.
no-room-overloaded = has been used more than { $percent } % for more than { $minutes } minutes
no-room-no-cpu-number = has no CPU { $cpu }, which the VM is pinned to
no-room-other-network = connects guests to networks in another way ({ $mode })
no-room-not-together = runs none of the VMs that affinity group { $group } keeps together
no-room-not-apart = runs a VM that affinity group { $group } keeps apart
no-room-not-of-group = is none of the hosts of affinity group { $group }
no-room-kept-free = is kept free of the VMs of affinity group { $group }
no-room-no-label = does not have the affinity label { $label }
no-room-cluster-in-maintenance = takes only highly available VMs while its cluster is in maintenance
event-CLUSTER_ALERT_HA_RESERVATION = Cluster { $cluster } has no room for all highly available VMs if one of these hosts is lost: { $detail }
event-CLUSTER_ALERT_HA_RESERVATION_DOWN = Cluster { $cluster } has room for all its highly available VMs again.

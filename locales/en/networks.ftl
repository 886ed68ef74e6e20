# Logical networks.
new-network = New network
network-name-hint = Up to 15 letters, digits, “_”, “.” and “-”: a host’s bridge of this name is the network there.
vm-network-hint = VMs can be on it. Otherwise only hosts are, for migrations.
migration-network = Migration network
migration-network-usual = As the engine reaches the hosts
migration-network-hint = Over which hosts send VMs to one another. A host without an address on it is reached as usual.
migration-network-of = Migration network of the clusters
confirm-remove-network = Remove network { $name }
confirm-remove-network-text = Its vNIC profiles and their permissions are removed with it. Bridges on the hosts stay.
conflict-network-in-use = Cannot change network { $network } so: { $vms } have cards on it. Put these on another network first.
conflict-management-network = The network { $network } is how the engine reaches hosts; it stays a VM network with its name.
event-NETWORK_ADD_NETWORK = Logical network { $detail } was added by { $user }.
event-NETWORK_UPDATE_NETWORK = Logical network { $detail } was edited by { $user }.
event-NETWORK_REMOVE_NETWORK = Logical network { $detail } was removed by { $user }.

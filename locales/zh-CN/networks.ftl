# 逻辑网络。
new-network = 新建网络
network-name-hint = 最多 15 个字母、数字、“_”、“.” 或 “-”：主机上同名的网桥就是该网络。
vm-network-hint = 虚拟机可以使用该网络；否则只供主机之间迁移使用。
migration-network = 迁移网络
migration-network-usual = 与引擎访问主机的方式相同
migration-network-hint = 主机之间通过该网络传送虚拟机。在该网络上没有地址的主机按通常方式访问。
migration-network-of = 作为迁移网络的集群
confirm-remove-network = 删除网络 { $name }
confirm-remove-network-text = 其 vNIC 配置集及相关权限会一并删除。主机上的网桥保留。
conflict-network-in-use = 不能这样更改网络 { $network }：{ $vms } 的网卡正在使用它。请先将这些网卡改到其他网络。
conflict-management-network = 引擎通过网络 { $network } 访问主机；它必须保留名称并作为虚拟机网络。
event-NETWORK_ADD_NETWORK = { $user } 添加了逻辑网络 { $detail }。
event-NETWORK_UPDATE_NETWORK = { $user } 编辑了逻辑网络 { $detail }。
event-NETWORK_REMOVE_NETWORK = { $user } 删除了逻辑网络 { $detail }。

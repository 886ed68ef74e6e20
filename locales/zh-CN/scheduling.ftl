# 调度：主机为何不能运行某个虚拟机，以及各项权重。
no-room-overloaded = 的 CPU 使用率超过 { $percent }% 已达 { $minutes } 分钟以上
no-room-no-cpu-number = 没有该虚拟机要固定到的 CPU { $cpu }
no-room-other-network = 连接网络的方式不同（{ $mode }）
no-room-not-together = 未运行关联性组 { $group } 要求在一起的虚拟机
no-room-not-apart = 正在运行关联性组 { $group } 要求分开的虚拟机
no-room-not-of-group = 不在关联性组 { $group } 的主机之列
no-room-kept-free = 不允许运行关联性组 { $group } 的虚拟机
no-room-no-label = 没有关联性标签 { $label }
no-room-cluster-in-maintenance = 所在群集处于维护状态，只能启动高可用虚拟机
event-CLUSTER_ALERT_HA_RESERVATION = 如果失去以下任一主机，群集 { $cluster } 将没有足够的资源运行所有高可用虚拟机：{ $detail }
event-CLUSTER_ALERT_HA_RESERVATION_DOWN = 群集 { $cluster } 重新拥有足够的资源运行所有高可用虚拟机。

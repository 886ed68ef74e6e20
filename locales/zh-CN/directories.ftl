# 目录：其中的人员与时钟
event-DIRECTORY_USER_GONE = 目录中已没有用户 { $user }，其会话已被注销。
event-DIRECTORY_USER_NOT_USABLE = 用户 { $user } 已被注销：{ $detail }
event-DIRECTORY_CLOCK_SKEW = 时钟相差超过两分钟。{ $detail }
event-DIRECTORY_CLOCK_AGREES = 域 { $detail } 的时钟已与本机重新一致。
away-directory = 目前无法查询 { $domain } 的目录。请稍后重试，或联系管理员。
skew-directory-ahead = 目录 { $domain } 的时钟比本机快 { $minutes } 分钟，登录将会失败。请查明哪一方的时间有误，并用 chrony 或 ntpd 校正：在本机运行“chronyc makestep”，或修复目录服务器的时间服务。
skew-directory-behind = 目录 { $domain } 的时钟比本机慢 { $minutes } 分钟，登录将会失败。请查明哪一方的时间有误，并用 chrony 或 ntpd 校正：在本机运行“chronyc makestep”，或修复目录服务器的时间服务。

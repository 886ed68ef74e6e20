# Directories: their people, and their clocks
event-DIRECTORY_USER_GONE = User { $user } is no longer in the directory, and is signed out.
event-DIRECTORY_USER_NOT_USABLE = User { $user } is signed out: { $detail }
event-DIRECTORY_CLOCK_SKEW = Clocks differ by more than two minutes. { $detail }
event-DIRECTORY_CLOCK_AGREES = The clock of domain { $detail } agrees with this machine’s again.
away-directory = The directory of { $domain } cannot be asked just now. Try again later, or ask an administrator.
skew-directory-ahead = The clock of the directory { $domain } is { $minutes } minutes ahead of this machine’s. Sign-ins will fail. Look which of the two is wrong and let chrony or ntpd set it: “chronyc makestep” on this machine, or the time service of the directory’s servers.
skew-directory-behind = The clock of the directory { $domain } is { $minutes } minutes behind this machine’s. Sign-ins will fail. Look which of the two is wrong and let chrony or ntpd set it: “chronyc makestep” on this machine, or the time service of the directory’s servers.

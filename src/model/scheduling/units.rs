//! What policies are put together from. Names and ids are oVirt's (its engine's scheduling/policyunits).

/// Defines a kind of unit with oVirt's name and id of each.
macro_rules! units { ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal, $id:literal;)+ }) => {
    text_enum! { $(#[$doc])* $name { $($(#[$vdoc])* $variant = $text,)+ } }
    impl $name {
        /// oVirt's id of it.
        pub const fn id(self) -> uuid::Uuid {
            uuid::Uuid::from_u128(match self { $(Self::$variant => $id,)+ })
        }

        /// The one with this id.
        pub fn by_id(id: uuid::Uuid) -> Option<Self> {
            Self::ALL.iter().copied().find(|unit| unit.id() == id)
        }
    }
} }

units! {
    /// What takes a host out. Besides, a host has to be up and to have the VM's storage; that is no matter of policy.
    Filter {
        PinToHost = "PinToHost", 0x12262ab6_9690_4bc3_a2b3_35573b172d54;
        /// The VM has no more virtual CPUs than the host has CPUs.
        Cpu = "CPU", 0x6d636bf6_a35c_4f9d_b68d_0731f720cddc;
        CpuLevel = "CPU-Level", 0x438b052c_90ab_40e8_9be0_a22560202ea6;
        /// Used more than HighUtilization, for longer than CpuOverCommitDurationMinutes.
        CpuOverloaded = "CPUOverloaded", 0x98842bc5_4094_4b83_8224_7b50f86a94c9;
        /// The host has the CPUs that the VM's own are pinned to.
        CpuPinning = "CpuPinning", 0x6d636bf6_a35c_4f9d_b68d_0731f731cddc;
        Memory = "Memory", 0xc9ddbb34_0e1d_4061_a8d7_b0893fa80932;
        EmulatedMachine = "Emulated-Machine", 0x58894b5b_d55d_4f85_8f82_5bf217e640b0;
        Network = "Network", 0x72163d1c_9468_4480_99d9_0888664eb143;
        /// Not the host that it is to leave, and one that runs guests as that does.
        Migration = "Migration", 0xe659c871_0bf1_4ccc_b748_f28f5d08ddda;
        VmAffinityGroups = "VmAffinityGroups", 0x84e6ddee_ab0d_42dd_82f0_c297779db566;
        VmToHostsAffinityGroups = "VmToHostsAffinityGroups", 0xe69808a9_8a41_40f1_94ba_dd5d385d82d8;
        /// The host has all affinity labels of the VM (oVirt 4.1's Label).
        Label = "Label", 0x27846536_f653_11e5_9ce9_5e5517507c66;
        /// Only highly available VMs start.
        ClusterInMaintenance = "ClusterInMaintenance", 0x0bd8fef9_bcb4_4250_9998_410f01608d9b;
    }
}

units! {
    /// What makes one host better than another.
    Weight {
        EvenCpu = "OptimalForCpuEvenDistribution", 0x7db4ab05_81ab_42e8_868a_aee2df483edb;
        PowerSavingCpu = "OptimalForCpuPowerSaving", 0x736999d0_1023_46a4_9a75_1316ed50e15b;
        EvenMemory = "OptimalForMemoryEvenDistribution", 0x4134247a_9c58_4b9a_8593_530bb9e37c59;
        PowerSavingMemory = "OptimalForMemoryPowerSaving", 0x9dfe6086_646d_43b8_8eef_4d94de8472c8;
        EvenGuests = "OptimalForEvenGuestDistribution", 0x3ba8c988_f779_42c0_90ce_caa8243edee7;
        PreferredHosts = "PreferredHosts", 0x591cdb81_ba67_45b4_9642_e28f61a97d57;
        HaReservation = "OptimalForHaReservation", 0x7f262d70_6cac_11e3_981f_0800200c9a66;
        VmAffinityGroups = "VmAffinityGroups", 0x84e6ddee_ab0d_42dd_82f0_c297779db567;
        VmToHostsAffinityGroups = "VmToHostsAffinityGroups", 0x427aed70_dae3_48ba_8fe9_a902a9d563c8;
    }
}

units! {
    /// What moves running VMs.
    Balance {
        None = "None", 0x38440000_8cf0_14bd_c43e_10b96e4ef00a;
        Even = "OptimalForEvenDistribution", 0x7db4ab05_81ab_42e8_868a_aee2df483ed2;
        PowerSaving = "OptimalForPowerSaving", 0x736999d0_1023_46a4_9a75_1316ed50e151;
        EvenGuests = "OptimalForEvenGuestDistribution", 0xd58c8e32_44e1_418f_9222_52cd887bf9e0;
    }
}

text_enum! {
    /// Numbers that a policy works with, by oVirt's names.
    Property {
        HighUtilization = "HighUtilization",
        LowUtilization = "LowUtilization",
        CpuOverCommitDurationMinutes = "CpuOverCommitDurationMinutes",
        MaxFreeMemoryForOverUtilized = "MaxFreeMemoryForOverUtilized",
        MinFreeMemoryForUnderUtilized = "MinFreeMemoryForUnderUtilized",
        HighVmCount = "HighVmCount",
        MigrationThreshold = "MigrationThreshold",
        SpmVmGrace = "SpmVmGrace",
        HostsInReserve = "HostsInReserve",
        EnableAutomaticHostPowerManagement = "EnableAutomaticHostPowerManagement",
        ScaleDown = "ScaleDown",
    }
}

impl Property {
    /// From what to what it may be (oVirt's patterns of its policy units' parameters).
    pub const fn range(self) -> (u32, u32) {
        match self {
            Self::HighUtilization => (50, 99),
            Self::LowUtilization => (0, 49),
            Self::CpuOverCommitDurationMinutes => (1, 99),
            Self::MaxFreeMemoryForOverUtilized | Self::MinFreeMemoryForUnderUtilized => (1, 99_999_999),
            Self::HighVmCount => (0, 9999),
            Self::MigrationThreshold => (2, 9999),
            Self::SpmVmGrace | Self::HostsInReserve => (0, 9999),
            Self::EnableAutomaticHostPowerManagement => (0, 1),
            Self::ScaleDown => (1, 100),
        }
    }

    /// What counts where nothing is set; none: then its unit does without.
    pub const fn usual(self) -> Option<u32> {
        match self {
            Self::HighUtilization => Some(80),
            Self::LowUtilization => Some(20),
            Self::CpuOverCommitDurationMinutes => Some(2),
            Self::MaxFreeMemoryForOverUtilized | Self::MinFreeMemoryForUnderUtilized => None,
            Self::HighVmCount => Some(10),
            Self::MigrationThreshold | Self::SpmVmGrace => Some(5),
            Self::HostsInReserve | Self::EnableAutomaticHostPowerManagement => Some(0),
            Self::ScaleDown => Some(1),
        }
    }
}

impl Filter {
    /// The properties it reads.
    pub const fn properties(self) -> &'static [Property] {
        match self {
            Self::CpuOverloaded => &[Property::HighUtilization, Property::CpuOverCommitDurationMinutes],
            _ => &[],
        }
    }
}

impl Weight {
    /// The properties it reads.
    pub const fn properties(self) -> &'static [Property] {
        match self {
            Self::PowerSavingCpu => &[Property::HighUtilization],
            Self::EvenGuests => &[Property::SpmVmGrace],
            Self::HaReservation => &[Property::ScaleDown],
            _ => &[],
        }
    }
}

impl Balance {
    /// The properties it reads.
    pub const fn properties(self) -> &'static [Property] {
        use Property as P;
        match self {
            Self::None => &[],
            Self::Even => &[
                P::HighUtilization,
                P::CpuOverCommitDurationMinutes,
                P::MaxFreeMemoryForOverUtilized,
                P::MinFreeMemoryForUnderUtilized,
            ],
            Self::PowerSaving => &[
                P::HighUtilization,
                P::LowUtilization,
                P::CpuOverCommitDurationMinutes,
                P::MaxFreeMemoryForOverUtilized,
                P::MinFreeMemoryForUnderUtilized,
                P::HostsInReserve,
                P::EnableAutomaticHostPowerManagement,
            ],
            Self::EvenGuests => &[P::HighVmCount, P::MigrationThreshold, P::SpmVmGrace],
        }
    }
}

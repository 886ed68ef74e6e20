//! oVirt's search language: `Vms: status=up and cluster=Default sortby name desc page 2`.

//! Which servers a domain has, and in which order they are tried.

use crate::model::domain::{DirectoryConfig, DirectoryTrouble, ServerAddress, Servers, Transport};
use hickory_resolver::config::{NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{Resolver, TokioResolver};
use rand::Rng as _;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A server that failed is tried after all others for so long.
const PENANCE: Duration = Duration::from_secs(30);

/// What is known of a domain's servers.
#[derive(Debug, Default)]
pub(super) struct Known {
    failed: Mutex<HashMap<ServerAddress, Instant>>,
    /// It keeps answers as long as the DNS allows.
    resolver: OnceLock<TokioResolver>,
}

impl Known {
    /// All servers, those first that are to be tried first.
    pub(super) async fn in_order(&self, config: &DirectoryConfig) -> Result<Vec<ServerAddress>, DirectoryTrouble> {
        let mut all = match &config.servers {
            Servers::List(all) => all.clone(),
            Servers::Srv => self.by_srv(config).await?,
        };
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|_, since| since.elapsed() < PENANCE);
        all.sort_by_key(|server| failed.contains_key(server));
        Ok(all)
    }

    /// This one did not answer as it should.
    pub(super) fn failed(&self, server: &ServerAddress) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(server.clone(), Instant::now());
    }

    /// This one answered.
    pub(super) fn works(&self, server: &ServerAddress) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(server);
    }

    async fn by_srv(&self, config: &DirectoryConfig) -> Result<Vec<ServerAddress>, DirectoryTrouble> {
        let record = format!("_ldap._tcp.{}", config.name);
        let none = || DirectoryTrouble::NoSrv { domain: config.name.clone(), record: record.clone() };
        let found = match self.resolver(config.dns)?.lookup(format!("{record}."), RecordType::SRV).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() || error.is_nx_domain() => return Err(none()),
            Err(error) => return Err(DirectoryTrouble::Dns { why: error.to_string() }),
        };
        let records = found.answers().iter().filter_map(|answer| match &answer.data {
            // RFC 2782: the target "." says that there is none.
            RData::SRV(srv) if !srv.target.is_root() => Some(srv.clone()),
            _ => None,
        });
        let servers: Vec<ServerAddress> =
            drawn(records.collect()).iter().map(|srv| address(srv, config.transport)).collect();
        if servers.is_empty() { Err(none()) } else { Ok(servers) }
    }

    fn resolver(&self, dns: Option<IpAddr>) -> Result<&TokioResolver, DirectoryTrouble> {
        if let Some(resolver) = self.resolver.get() {
            return Ok(resolver);
        }
        let wrong = |error: hickory_resolver::net::NetError| DirectoryTrouble::Dns { why: error.to_string() };
        let builder = match dns {
            Some(ip) => Resolver::builder_with_config(
                ResolverConfig::from_name_servers(vec![NameServerConfig::udp_and_tcp(ip)]),
                TokioRuntimeProvider::default(),
            ),
            None => Resolver::builder_tokio().map_err(wrong)?,
        };
        let built = builder.build().map_err(wrong)?;
        Ok(self.resolver.get_or_init(|| built))
    }

    /// The addresses of a server: where a DNS server was named, it is asked, else the system.
    pub(super) async fn addresses(
        &self,
        config: &DirectoryConfig,
        server: &ServerAddress,
    ) -> Result<Vec<SocketAddr>, String> {
        let port = server.port.unwrap_or_else(|| config.transport.port());
        if let (Some(dns), Err(_)) = (config.dns, server.host.parse::<IpAddr>()) {
            let resolver = self.resolver(Some(dns)).map_err(|trouble| trouble.to_string())?;
            if let Ok(found) = resolver.lookup_ip(format!("{}.", server.host)).await {
                return Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect());
            }
        }
        let found = tokio::net::lookup_host((server.host.as_str(), port)).await.map_err(|error| error.to_string())?;
        Ok(found.collect())
    }
}

/// SRV records speak of LDAP's own port; with TLS from the first byte it is another.
fn address(srv: &SRV, transport: Transport) -> ServerAddress {
    let host = srv.target.to_ascii().trim_end_matches('.').to_ascii_lowercase();
    let port = (transport != Transport::Ldaps).then_some(srv.port);
    ServerAddress { host, port }
}

/// RFC 2782: by priority, and among equals drawn by lot, the heavier the likelier.
fn drawn(mut records: Vec<SRV>) -> Vec<SRV> {
    let mut random = rand::rng();
    let mut out = Vec::with_capacity(records.len());
    while let Some(first) = records.iter().map(|srv| srv.priority).min() {
        let lots: Vec<usize> = (0..records.len()).filter(|at| records[*at].priority == first).collect();
        let sum: u32 = lots.iter().map(|at| u32::from(records[*at].weight)).sum();
        let mut left = random.random_range(0..=sum);
        let mut chosen = lots[0];
        for at in lots {
            let weight = u32::from(records[at].weight);
            if left <= weight {
                chosen = at;
                break;
            }
            left -= weight;
        }
        out.push(records.remove(chosen));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::Name;

    #[test]
    fn priority_first_then_weight() {
        let srv = |priority, weight, name: &str| SRV::new(priority, weight, 389, Name::from_ascii(name).unwrap());
        let all = vec![srv(20, 0, "last."), srv(10, 1, "light."), srv(10, 99, "heavy.")];
        let mut heavy_first = 0;
        for _ in 0..500 {
            let order = drawn(all.clone());
            assert_eq!(order.len(), 3);
            assert_eq!(order[2].target.to_ascii(), "last.");
            heavy_first += usize::from(order[0].target.to_ascii() == "heavy.");
        }
        assert!(heavy_first > 400, "{heavy_first}");
        assert_eq!(address(&all[0], Transport::Ldaps).port, None);
        assert_eq!(address(&all[0], Transport::StartTls).to_string(), "last:389");
    }
}

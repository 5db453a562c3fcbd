//! Looking for repositories: Docker Hub's search (registry API v1), and the catalogue of
//! registries that have none.

use reqwest::{StatusCode, header};
use serde::Deserialize;

use super::{
    answer::body,
    client::{Call, Client},
    error::{Error, Result},
    transport::Endpoint,
};
use crate::model::FoundRepository;

/// Bytes of an answer that are read.
const LARGEST: u64 = 4 << 20;
/// Most that Docker Hub gives at once.
const MOST: usize = 100;

#[derive(Deserialize)]
struct Answer {
    results: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    star_count: u64,
    #[serde(default)]
    is_official: bool,
}

#[derive(Deserialize)]
struct Catalog {
    repositories: Option<Vec<String>>,
}

impl Client {
    /// Repositories of a registry that are about `term`, best first, at most `limit`.
    pub fn search(&self, domain: &str, term: &str, limit: usize) -> Result<Vec<FoundRepository>> {
        let mut endpoints = self.endpoints(domain);
        if domain == "docker.io" {
            // Searching is another service there than pulling.
            endpoints.pop();
            endpoints.push(Endpoint::mirror("https://index.docker.io"));
        }
        let found = self.block(async {
            let ask = async |endpoint: &Endpoint| match self.ask(endpoint, term, limit).await? {
                Some(found) => Ok(found),
                None => self.catalog(endpoint, term).await,
            };
            self.first(&endpoints, ask).await
        });
        let (_, mut found) = found?;
        found.truncate(limit);
        Ok(found)
    }

    /// `None` if it has no search.
    async fn ask(
        &self,
        endpoint: &Endpoint,
        term: &str,
        limit: usize,
    ) -> Result<Option<Vec<FoundRepository>>> {
        let mut url = self.transport.locate(endpoint, "/v1/search").await?;
        url.query_pairs_mut()
            .append_pair("q", term)
            .append_pair("n", &limit.min(MOST).to_string());
        let headers = [(header::ACCEPT, "application/json".to_owned())];
        let call = Call {
            what: "search",
            headers: &headers,
            accepts: &[StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED],
            ..Call::default()
        };
        let response = self.call_at(endpoint, url, call).await?;
        if !response.status().is_success() {
            return Ok(None);
        }
        let host = &endpoint.host;
        let text = body(&self.transport, response, host, "the search", LARGEST).await?;
        let answer: Answer = serde_json::from_slice(&text)
            .map_err(|error| Error::malformed("the search", host, error))?;
        let read = |one: One| FoundRepository {
            name: one.name,
            description: one.description.unwrap_or_default(),
            stars: one.star_count,
            is_official: one.is_official,
        };
        Ok(Some(answer.results.into_iter().map(read).collect()))
    }

    async fn catalog(&self, endpoint: &Endpoint, term: &str) -> Result<Vec<FoundRepository>> {
        let scopes = ["registry:catalog:*".to_owned()];
        let mut found = Vec::new();
        let path = "/v2/_catalog?n=1000";
        self.pages(endpoint, path, "catalogue", &scopes, &mut |text| {
            let catalog: Catalog = serde_json::from_slice(text)?;
            let names = catalog.repositories.unwrap_or_default().into_iter();
            let named = names.filter(|name| name.contains(term));
            found.extend(named.map(|name| FoundRepository {
                name: format!("{}/{name}", endpoint.host),
                description: String::new(),
                stars: 0,
                is_official: false,
            }));
            Ok(())
        })
        .await?;
        Ok(found)
    }
}

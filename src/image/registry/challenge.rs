//! What a registry asks for by `WWW-Authenticate` (RFC 9110, 11.6.1; the token
//! authentication of the distribution project).

/// One way to authenticate that a server offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Challenge {
    /// Name and password with each request.
    Basic,
    /// A token that a third party gives.
    Bearer {
        /// Where tokens are given.
        realm: String,
        /// Whom they are for.
        service: Option<String>,
        /// What they allow, if it says.
        scope: Option<String>,
    },
}

/// The best of what some header values offer: tokens before passwords.
pub(super) fn best<'a>(values: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<_> = values.flat_map(parse).collect();
    let is_bearer = |challenge: &&Challenge| matches!(challenge, Challenge::Bearer { .. });
    all.iter().find(is_bearer).or(all.first()).cloned()
}

/// All challenges of one header value that we know.
fn parse(text: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = text;
    let mut scheme = String::new();
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut close = |scheme: &str, parameters: &mut Vec<(String, String)>| {
        let mut take = |name: &str| {
            let at = parameters.iter().position(|(key, _)| key == name)?;
            Some(parameters.swap_remove(at).1)
        };
        match scheme {
            "basic" => found.push(Challenge::Basic),
            "bearer" => {
                if let Some(realm) = take("realm") {
                    let (service, scope) = (take("service"), take("scope"));
                    found.push(Challenge::Bearer {
                        realm,
                        service,
                        scope,
                    });
                }
            }
            _ => {}
        }
        parameters.clear();
    };
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let length = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        if length == 0 {
            break;
        }
        let (word, after) = rest.split_at(length);
        let is_parameter = after.trim_start().strip_prefix('=');
        match is_parameter {
            // A name and its value, of the scheme before.
            Some(value) if !scheme.is_empty() => {
                let (value, after) = value_of(value.trim_start());
                parameters.push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            Some(_) => break,
            None => {
                close(&scheme, &mut parameters);
                scheme = word.to_ascii_lowercase();
                rest = after;
            }
        }
    }
    close(&scheme, &mut parameters);
    found
}

/// A token or a quoted string at the beginning, and what follows it.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let length = text.find(|c: char| !is_token(c)).unwrap_or(text.len());
        return (text[..length].to_owned(), &text[length..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, c)| c)),
            other => value.push(other),
        }
    }
    (value, "")
}

fn is_token(character: char) -> bool {
    character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        Challenge::Bearer {
            realm: realm.into(),
            service: service.map(str::to_owned),
            scope: scope.map(str::to_owned),
        }
    }

    #[test]
    fn challenges_are_read_as_registries_write_them() {
        for (text, expected) in [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/debian:pull,push""#,
                bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/debian:pull,push"),
                ),
            ),
            (
                r#"bearer  realm = "https://x/t""#,
                bearer("https://x/t", None, None),
            ),
            (
                r#"Bearer realm="a\"b", error="x, y""#,
                bearer("a\"b", None, None),
            ),
            (r#"Basic realm="Registry Realm""#, Challenge::Basic),
            ("Basic", Challenge::Basic),
            (
                r#"Basic realm="a, Bearer realm=b", Bearer realm="https://x""#,
                bearer("https://x", None, None),
            ),
        ] {
            assert_eq!(best([text].into_iter()), Some(expected), "{text}");
        }
        assert_eq!(best(["Negotiate", ""].into_iter()), None);
        assert_eq!(best(["Bearer service=\"x\""].into_iter()), None);
        let both = ["Basic realm=x", "Bearer realm=\"https://y\""];
        assert_eq!(
            best(both.into_iter()),
            Some(bearer("https://y", None, None))
        );
    }

    proptest! {
        #[test]
        fn no_header_makes_it_fail(text in "\\PC{0,60}|[a-zA-Z=\", \\\\]{0,60}") {
            parse(&text);
        }
    }
}

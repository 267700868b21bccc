//! The id by which a refused call is found in logs: that of its trace, or a random one where nothing is traced.

use http::HeaderMap;
use lutong_kernel::Random;

/// The id of the trace that the client began, if it did (W3C Trace Context).
pub fn of_client(headers: &HeaderMap) -> Option<String> {
    let traceparent = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = traceparent.split('-');
    let (version, id) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let is_id = is_hex(version, 2) && version != "ff" && is_hex(id, 32) && id.bytes().any(|b| b != b'0');
    (is_id && parts.next().is_some_and(|parent| is_hex(parent, 16))).then(|| id.to_owned())
}

/// The id of the client's trace, else of the call's, else a random one.
pub fn id(of_client: Option<String>, of_call: Option<String>, random: &dyn Random) -> String {
    of_client.or(of_call).unwrap_or_else(|| drawn(random))
}

fn drawn(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    format!("{:032x}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lutong_kernel::random::SeededRandom;

    fn headers(traceparent: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("traceparent", traceparent.parse().unwrap());
        headers
    }

    #[test]
    fn the_clients_trace_is_taken_when_it_is_one() {
        let given = headers("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        assert_eq!(
            of_client(&given).as_deref(),
            Some("0af7651916cd43dd8448eb211c80319c")
        );
        for other in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-<script>alert(1)</script>-b7ad6b7169203331-01",
        ] {
            assert_eq!(of_client(&headers(other)), None, "{other}");
        }
        assert_eq!(of_client(&HeaderMap::new()), None);
    }

    #[test]
    fn without_a_trace_there_is_an_id_of_its_own_each_time() {
        let random = SeededRandom::new(1);
        let draw = || id(None, None, &random);
        let (first, second) = (draw(), draw());
        assert_eq!((first.len(), second.len()), (32, 32));
        assert_ne!(first, second);
        let call = || Some("b".to_owned());
        assert_eq!(id(Some("a".to_owned()), call(), &random), "a");
        assert_eq!(id(None, call(), &random), "b");
    }
}

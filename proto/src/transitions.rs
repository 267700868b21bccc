//! What actions do to the states of their resources, read out of the descriptor set.

use prost_reflect::{DescriptorPool, MethodDescriptor};

pub use crate::lutong::policy::v1::Transition;
use crate::options;

/// Full name of the option.
const TRANSITION: &str = "lutong.policy.v1.transition";

/// What an action does to the state of its resource; `None` where it is no action on a state.
pub fn of(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<Transition> {
    options::read(pool, TRANSITION, &method.options())
}

/// The same by the RPC's name, `lutong.risk_rules.v1.DesignationService/EndDesignation`.
pub fn of_rpc(pool: &DescriptorPool, rpc: &str) -> Option<Transition> {
    let (service, method) = rpc.split_once('/')?;
    let service = pool.get_service_by_name(service)?;
    let method = service.methods().find(|one| one.name() == method)?;
    of(pool, &method)
}

#[cfg(test)]
mod tests {
    use prost_reflect::{EnumDescriptor, Kind, MessageDescriptor};

    use super::*;

    /// The states of the resource that an RPC answers.
    fn states(answer: &MessageDescriptor) -> Option<EnumDescriptor> {
        let resources = answer.fields().filter(|field| !field.is_list());
        resources
            .filter_map(|field| match field.kind() {
                Kind::Message(one) if one.get_field_by_name("name").is_some() => {
                    one.get_field_by_name("state")
                }
                _ => None,
            })
            .find_map(|state| match state.kind() {
                Kind::Enum(states) => Some(states),
                _ => None,
            })
    }

    /// The names of states without the prefix of their enum.
    fn words(states: &EnumDescriptor) -> Vec<String> {
        let unspecified = states.default_value().name().to_owned();
        let prefix = unspecified.trim_end_matches("UNSPECIFIED");
        let names = states.values().map(|value| value.name().to_owned());
        names
            .filter(|name| *name != unspecified)
            .map(|name| name.trim_start_matches(prefix).to_owned())
            .collect()
    }

    /// Whether it acts on what is there: those that read or make a resource have no state to begin from.
    fn is_action(method: &MethodDescriptor) -> bool {
        const READ: [&str; 5] = ["Get", "List", "Watch", "Inspect", "Download"];
        const MAKE: [&str; 7] = [
            "Create", "Propose", "Announce", "Append", "Import", "Start", "Follow",
        ];
        let mut others = READ.iter().chain(&MAKE);
        !others.any(|verb| method.name().starts_with(verb))
    }

    #[test]
    fn every_action_on_a_resource_with_a_state_says_what_it_does_to_it_in_the_states_own_words() {
        let pool = crate::descriptor_pool();
        let mut actions = 0;
        for rpc in crate::policy::rpcs(pool).unwrap() {
            let (name, states) = (rpc.method.full_name(), states(&rpc.method.output()));
            match (of(pool, &rpc.method), states) {
                (Some(transition), Some(states)) => {
                    actions += 1;
                    let words = words(&states);
                    let Transition {
                        from_states,
                        to_states,
                    } = transition;
                    assert!(!from_states.is_empty() && !to_states.is_empty(), "{name}");
                    for state in from_states.iter().chain(&to_states) {
                        assert!(words.contains(state), "{name}: {state} is none of {words:?}");
                    }
                }
                (Some(_), None) => panic!("{name} answers no resource with a state"),
                (None, Some(_)) => {
                    assert!(!is_action(&rpc.method), "{name} does not say what it does");
                }
                (None, None) => {}
            }
        }
        assert!(actions >= 20, "{actions}");
    }
}

//! cedar-policy: one policy, a field as a resource that knows its audience, one request for each recipient and field.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
    RestrictedExpression,
};

const POLICY: &str = r#"
permit (principal, action == Action::"receive", resource)
when { resource.exact.contains(principal) || resource.coarse.contains(principal) };
"#;

/// Everything that is known before a message comes.
pub(crate) struct Cedar {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    /// One for each recipient and field.
    requests: Vec<Request>,
}

impl Cedar {
    pub(crate) fn new(fields: usize, recipients: usize) -> Self {
        let names = crate::names(fields);
        let resource = |(place, name): (usize, &String)| {
            let (exact, coarse) = crate::audience(recipients, place);
            let set = |them: Vec<String>| {
                let them = them
                    .iter()
                    .map(|it| RestrictedExpression::new_entity_uid(uid("Recipient", it)));
                RestrictedExpression::new_set(them)
            };
            let attributes = HashMap::from([
                ("exact".to_owned(), set(exact)),
                ("coarse".to_owned(), set(coarse)),
            ]);
            Entity::new(uid("Field", name), attributes, HashSet::new())
                .expect("attributes are sets of names")
        };
        let entities = names.iter().enumerate().map(resource).collect::<Vec<_>>();
        let request = |recipient: &usize, name: &String| {
            let recipient = uid("Recipient", &format!("r{recipient}"));
            let action = uid("Action", "receive");
            Request::new(
                recipient,
                action,
                uid("Field", name),
                Context::empty(),
                None,
            )
            .expect("no schema to break")
        };
        let recipients = 0..recipients;
        let pairs =
            recipients.flat_map(|recipient| names.iter().map(move |it| request(&recipient, it)));
        Self {
            authorizer: Authorizer::new(),
            policies: POLICY.parse().expect("the policy is written here"),
            entities: Entities::from_entities(entities, None).expect("every field stands once"),
            requests: pairs.collect(),
        }
    }

    /// How many pairs of field and recipient pass.
    pub(crate) fn decide(&mut self) -> usize {
        let allowed = |it: &&Request| {
            let response = self
                .authorizer
                .is_authorized(it, &self.policies, &self.entities);
            response.decision() == Decision::Allow
        };
        self.requests.iter().filter(allowed).count()
    }
}

fn uid(kind: &str, id: &str) -> EntityUid {
    let text = format!("{kind}::\"{id}\"");
    text.parse().expect("kinds and names are plain")
}

//! Places that belong together.

use super::search::Model;
use crate::history::content::member_content;
use crate::history::event::{Call, Outcome};
use crate::history::operation::{Content, GroupAction, Operation};
use crate::history::plan::MEMBERS;

/// A group as a whole.
pub(super) struct Group;

type Members = Vec<Option<Content>>;

impl Model for Group {
    type State = Members;

    fn initial(&self) -> Members {
        vec![None; MEMBERS as usize]
    }

    fn step(&self, members: &Members, call: &Call) -> Vec<Members> {
        let Operation::Group(_, action) = call.operation else { return Vec::new() };
        let is = |expected: &Outcome| call.outcome.as_ref().is_none_or(|outcome| outcome == expected);
        let is_all = || is(&Outcome::Values(members.clone()));
        let next = match action {
            GroupAction::SetMany { content } if is(&Outcome::Done) => {
                (0..MEMBERS).map(|member| Some(member_content(content, member))).collect()
            }
            GroupAction::DeleteMany if is(&Outcome::Flags(members.iter().map(Option::is_some).collect())) => {
                self.initial()
            }
            GroupAction::Read | GroupAction::Abandon { .. } if is_all() => members.clone(),
            GroupAction::ReadOne { member } if is(&Outcome::Value(members[member as usize])) => members.clone(),
            GroupAction::Swap { from, to } if is_all() => {
                let mut members = members.clone();
                members.swap(from as usize, to as usize);
                members
            }
            _ => return Vec::new(),
        };
        vec![next]
    }
}

/// The calls on a group, where reading each of its members without a transaction is a call for each.
pub(super) fn split(call: &Call) -> Vec<Call> {
    match (&call.operation, &call.outcome) {
        (Operation::Group(group, GroupAction::GetMany), Some(Outcome::Values(values))) => (0..MEMBERS)
            .zip(values)
            .map(|(member, value)| Call {
                operation: Operation::Group(*group, GroupAction::ReadOne { member }),
                outcome: Some(Outcome::Value(*value)),
                ..call.clone()
            })
            .collect(),
        (Operation::Group(_, GroupAction::GetMany), _) => Vec::new(),
        _ => vec![call.clone()],
    }
}

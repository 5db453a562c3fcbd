//! Filling a tree in with data.

use serde_json::Value;

use super::{
    Methods, TemplateError,
    functions::{is_true, print},
    lex::error,
    parse::{Base, Node, Operand, Pipe},
};

/// Objects whose keys are the user's: a missing key there is no mistake.
const FREE_KEYS: [&str; 6] = [
    "Labels",
    "Sysctls",
    "Tmpfs",
    "Options",
    "Ports",
    "Attributes",
];

/// Fills all nodes in.
pub fn render(nodes: &[Node], data: &Value, methods: Methods<'_>) -> Result<String, TemplateError> {
    let mut run = Run {
        out: String::new(),
        variables: vec![("$".to_owned(), data.clone())],
        methods,
    };
    run.nodes(nodes, data)?;
    Ok(run.out)
}

struct Run<'a> {
    out: String,
    variables: Vec<(String, Value)>,
    methods: Methods<'a>,
}

/// Whether a loop goes on after these nodes.
#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl Run<'_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, TemplateError> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// The nodes of a block, whose variables end with it.
    fn block(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, TemplateError> {
        let known = self.variables.len();
        let flow = self.nodes(nodes, dot);
        self.variables.truncate(known);
        flow
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, TemplateError> {
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Output(pipe) => {
                let value = self.pipe(pipe, dot)?;
                if pipe.variables.is_empty() {
                    self.out.push_str(&match value {
                        Value::Null => "<no value>".into(),
                        value => print(&value),
                    });
                }
            }
            Node::If(arms, otherwise) => {
                let known = self.variables.len();
                for (condition, body) in arms {
                    if is_true(&self.pipe(condition, dot)?) {
                        let flow = self.block(body, dot);
                        self.variables.truncate(known);
                        return flow;
                    }
                }
                let flow = self.block(otherwise, dot);
                self.variables.truncate(known);
                return flow;
            }
            Node::With(pipe, body, otherwise) => {
                let known = self.variables.len();
                let value = self.pipe(pipe, dot)?;
                let flow = if is_true(&value) {
                    self.block(body, &value)
                } else {
                    self.block(otherwise, dot)
                };
                self.variables.truncate(known);
                return flow;
            }
            Node::Range(pipe, body, otherwise) => return self.range(pipe, body, otherwise, dot),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn range(
        &mut self,
        pipe: &Pipe,
        body: &[Node],
        otherwise: &[Node],
        dot: &Value,
    ) -> Result<Flow, TemplateError> {
        let items = match self.commands(pipe, dot)? {
            Value::Array(list) => (0..).map(Value::from).zip(list).collect(),
            Value::Object(map) => {
                // Go visits a map by its keys' order.
                let mut pairs: Vec<_> = map.into_iter().collect();
                pairs.sort_by(|a, b| a.0.cmp(&b.0));
                pairs
                    .into_iter()
                    .map(|(k, v)| (Value::String(k), v))
                    .collect()
            }
            Value::Null => Vec::new(),
            Value::Number(n) if n.is_u64() => {
                let count = n.as_u64().unwrap_or(0);
                (0..count)
                    .map(|i| (Value::from(i), Value::from(i)))
                    .collect()
            }
            value => return Err(error(format!("range can't go over {}", print(&value)))),
        };
        if items.is_empty() {
            return self.block(otherwise, dot);
        }
        let known = self.variables.len();
        for (key, value) in items {
            match &pipe.variables[..] {
                [one] => self.set(one, value.clone(), pipe.declares)?,
                [first, second] => {
                    self.set(first, key, pipe.declares)?;
                    self.set(second, value.clone(), pipe.declares)?;
                }
                _ => {}
            }
            let flow = self.block(body, &value)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    fn pipe(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, TemplateError> {
        let value = self.commands(pipe, dot)?;
        match &pipe.variables[..] {
            [] => {}
            [name] => self.set(name, value.clone(), pipe.declares)?,
            _ => return Err(error("only range sets two variables")),
        }
        Ok(value)
    }

    fn commands(&mut self, pipe: &Pipe, dot: &Value) -> Result<Value, TemplateError> {
        let mut before = None;
        for command in &pipe.commands {
            before = Some(self.command(command, dot, before.take())?);
        }
        before.ok_or_else(|| error("a value is missing"))
    }

    fn set(&mut self, name: &str, value: Value, declares: bool) -> Result<(), TemplateError> {
        if declares {
            self.variables.push((name.to_owned(), value));
            return Ok(());
        }
        let slot = self.variables.iter_mut().rev().find(|(n, _)| n == name);
        slot.ok_or_else(|| error(format!("variable {name} is unknown")))?
            .1 = value;
        Ok(())
    }

    fn command(
        &mut self,
        command: &[Operand],
        dot: &Value,
        piped: Option<Value>,
    ) -> Result<Value, TemplateError> {
        let (head, rest) = command
            .split_first()
            .ok_or_else(|| error("a value is missing"))?;
        let mut arguments = Vec::with_capacity(rest.len() + 1);
        for operand in rest {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(piped);
        match (&head.base, head.fields.split_last()) {
            (Base::Function(function), None) => function.call(&arguments),
            (_, Some((method, _))) if !arguments.is_empty() => (self.methods)(method, &arguments)
                .ok_or_else(|| error(format!("{method} is no method and takes no arguments"))),
            _ if !arguments.is_empty() => Err(error("a value can't be called like a function")),
            _ => self.operand(head, dot),
        }
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        let owned;
        let mut value = match &operand.base {
            Base::Dot => dot,
            Base::Variable(name) => {
                let found = self.variables.iter().rev().find(|(n, _)| n == name);
                &found
                    .ok_or_else(|| error(format!("variable {name} is unknown")))?
                    .1
            }
            Base::Literal(value) => value,
            Base::Function(function) => {
                owned = function.call(&[])?;
                &owned
            }
            Base::Group(pipe) => {
                owned = self.pipe(pipe, dot)?;
                &owned
            }
        };
        let mut parent = "";
        for name in &operand.fields {
            value = field(value, name, parent)?;
            parent = name;
        }
        Ok(value.clone())
    }
}

fn field<'v>(value: &'v Value, name: &str, parent: &str) -> Result<&'v Value, TemplateError> {
    match value {
        Value::Object(map) => match map.get(name) {
            Some(value) => Ok(value),
            None if FREE_KEYS.contains(&parent) => Ok(&Value::Null),
            None => {
                let names: Vec<_> = map.keys().map(String::as_str).collect();
                Err(error(format!(
                    "no field {name}; there are {}",
                    names.join(", ")
                )))
            }
        },
        // Go prints nothing for a field of nil in a map of anything.
        Value::Null => Ok(&Value::Null),
        _ => Err(error(format!(
            "{parent} is no object and has no field {name}"
        ))),
    }
}

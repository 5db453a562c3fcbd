//! From tokens to a tree.

use std::iter::Peekable;

use serde_json::{Value, json};

use super::{
    TemplateError,
    functions::Function,
    lex::{Piece, Token, error},
};

/// A node of a template.
#[derive(Clone, Debug)]
pub enum Node {
    /// Copied as it is.
    Text(String),
    /// Its value is printed, unless it only sets a variable.
    Output(Pipe),
    /// `if` and its `else if`s, then `else`.
    If(Vec<(Pipe, Vec<Node>)>, Vec<Node>),
    /// `with`: the dot becomes the value where that is not empty.
    With(Pipe, Vec<Node>, Vec<Node>),
    /// `range`.
    Range(Pipe, Vec<Node>, Vec<Node>),
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}

/// Commands, each of which gets the value before it as its last argument.
#[derive(Clone, Debug)]
pub struct Pipe {
    /// Variables that it sets: one, or two in a `range`.
    pub variables: Vec<String>,
    /// Whether they are new ones.
    pub declares: bool,
    /// The commands, never none.
    pub commands: Vec<Vec<Operand>>,
}

/// A value with fields taken from it.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Where it starts.
    pub base: Base,
    /// The fields, outermost first.
    pub fields: Vec<String>,
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Base {
    /// The current data.
    Dot,
    /// A variable.
    Variable(String),
    /// Written in the template.
    Literal(Value),
    /// A function's name.
    Function(Function),
    /// In parentheses.
    Group(Box<Pipe>),
}

type Pieces = Peekable<std::vec::IntoIter<Piece>>;

/// Makes the tree.
pub fn parse(pieces: Vec<Piece>) -> Result<Vec<Node>, TemplateError> {
    let mut pieces = pieces.into_iter().peekable();
    let (nodes, end) = block(&mut pieces, 0)?;
    match end {
        Stop::Text => Ok(nodes),
        Stop::End => Err(error("end without if, with or range")),
        Stop::Else(_) => Err(error("else without if, with or range")),
    }
}

/// What ended a block.
enum Stop {
    /// The template.
    Text,
    /// `end`
    End,
    /// `else`, with what follows on it.
    Else(Vec<Token>),
}

/// Nodes up to the end of their block; `loops` counts the ranges around them.
fn block(pieces: &mut Pieces, loops: usize) -> Result<(Vec<Node>, Stop), TemplateError> {
    let mut nodes = Vec::new();
    while let Some(piece) = pieces.next() {
        let mut tokens = match piece {
            Piece::Text(text) => {
                nodes.push(Node::Text(text));
                continue;
            }
            Piece::Action(tokens) => tokens,
        };
        let keyword = match tokens.first() {
            Some(Token::Word(word)) => word.clone(),
            Some(_) => String::new(),
            None => return Err(error("an action is empty")),
        };
        match keyword.as_str() {
            "end" => return Ok((nodes, Stop::End)),
            "else" => return Ok((nodes, Stop::Else(tokens.split_off(1)))),
            "if" => nodes.push(conditional(tokens.split_off(1), pieces, loops)?),
            "with" => {
                let pipe = pipe(tokens.split_off(1))?;
                let (body, otherwise) = branches(pieces, loops, loops)?;
                nodes.push(Node::With(pipe, body, otherwise));
            }
            "range" => {
                let pipe = pipe(tokens.split_off(1))?;
                let (body, otherwise) = branches(pieces, loops + 1, loops)?;
                nodes.push(Node::Range(pipe, body, otherwise));
            }
            "break" | "continue" if loops == 0 => {
                return Err(error(format!("{keyword} outside of range")));
            }
            "break" => nodes.push(Node::Break),
            "continue" => nodes.push(Node::Continue),
            "define" | "template" | "block" => {
                return Err(error(format!(
                    "{keyword}: named templates are not supported"
                )));
            }
            _ => nodes.push(Node::Output(pipe(tokens)?)),
        }
    }
    Ok((nodes, Stop::Text))
}

fn conditional(
    condition: Vec<Token>,
    pieces: &mut Pieces,
    loops: usize,
) -> Result<Node, TemplateError> {
    let mut arms = Vec::new();
    let mut condition = pipe(condition)?;
    loop {
        let (body, end) = block(pieces, loops)?;
        arms.push((condition, body));
        match end {
            Stop::End => return Ok(Node::If(arms, Vec::new())),
            Stop::Else(rest) if rest.is_empty() => {
                let (otherwise, end) = block(pieces, loops)?;
                return match end {
                    Stop::End => Ok(Node::If(arms, otherwise)),
                    _ => Err(error("if: end is missing after else")),
                };
            }
            Stop::Else(mut rest) if rest[0] == Token::Word("if".into()) => {
                condition = pipe(rest.split_off(1))?;
            }
            Stop::Else(_) => return Err(error("only `if` can follow else")),
            Stop::Text => return Err(error("if: end is missing")),
        }
    }
}

/// The body and what stands after `else`, up to `end`.
fn branches(
    pieces: &mut Pieces,
    body_loops: usize,
    loops: usize,
) -> Result<(Vec<Node>, Vec<Node>), TemplateError> {
    let (body, end) = block(pieces, body_loops)?;
    match end {
        Stop::End => Ok((body, Vec::new())),
        Stop::Else(rest) if rest.is_empty() => {
            let (otherwise, end) = block(pieces, loops)?;
            match end {
                Stop::End => Ok((body, otherwise)),
                _ => Err(error("end is missing after else")),
            }
        }
        Stop::Else(_) => Err(error("nothing can follow the else of with and range")),
        Stop::Text => Err(error("end is missing")),
    }
}

fn pipe(tokens: Vec<Token>) -> Result<Pipe, TemplateError> {
    let mut tokens = tokens.into_iter().peekable();
    let pipe = pipe_until(&mut tokens, false)?;
    match tokens.next() {
        None => Ok(pipe),
        Some(_) => Err(error("a parenthesis closes nothing")),
    }
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

fn pipe_until(tokens: &mut Tokens, in_group: bool) -> Result<Pipe, TemplateError> {
    let mut pipe = Pipe {
        variables: Vec::new(),
        declares: false,
        commands: Vec::new(),
    };
    set_variables(tokens, &mut pipe)?;
    let mut command: Vec<Operand> = Vec::new();
    loop {
        match tokens.peek() {
            None if in_group => return Err(error("a parenthesis is not closed")),
            None => break,
            Some(Token::Close) if in_group => {
                tokens.next();
                break;
            }
            Some(Token::Close) => break,
            Some(Token::Pipe) => {
                tokens.next();
                if command.is_empty() {
                    return Err(error("a command is missing before |"));
                }
                pipe.commands.push(std::mem::take(&mut command));
            }
            Some(_) => command.push(operand(tokens)?),
        }
    }
    if command.is_empty() {
        return Err(error("a value is missing"));
    }
    pipe.commands.push(command);
    for (index, command) in pipe.commands.iter().enumerate() {
        let is_literal = matches!(command[0].base, Base::Literal(_) | Base::Group(_));
        let callable = !command[0].fields.is_empty();
        if is_literal && !callable && (index > 0 || command.len() > 1) {
            return Err(error("a value can't be called like a function"));
        }
    }
    Ok(pipe)
}

/// `$x :=`, `$x =`, `$i, $x :=` at the start.
fn set_variables(tokens: &mut Tokens, pipe: &mut Pipe) -> Result<(), TemplateError> {
    let ahead: Vec<Token> = tokens.clone().take(4).collect();
    let (names, operator) = match &ahead[..] {
        [
            Token::Variable(a),
            Token::Comma,
            Token::Variable(b),
            operator,
            ..,
        ] => (vec![a.clone(), b.clone()], operator),
        [Token::Variable(a), operator, ..] => (vec![a.clone()], operator),
        _ => return Ok(()),
    };
    pipe.declares = match operator {
        Token::Declare => true,
        Token::Assign => false,
        _ if names.len() == 2 => return Err(error("two variables need := or =")),
        _ => return Ok(()),
    };
    tokens.nth(names.len() * 2 - 1);
    pipe.variables = names;
    Ok(())
}

fn operand(tokens: &mut Tokens) -> Result<Operand, TemplateError> {
    let mut fields = Vec::new();
    let base = match tokens.next().ok_or_else(|| error("a value is missing"))? {
        Token::Dot => Base::Dot,
        Token::Field { name, .. } => {
            fields.push(name);
            Base::Dot
        }
        Token::Variable(name) => Base::Variable(name),
        Token::Text(text) => Base::Literal(Value::String(text)),
        Token::Int(number) => Base::Literal(json!(number)),
        Token::Float(number) => Base::Literal(json!(number)),
        Token::Open => Base::Group(Box::new(pipe_until(tokens, true)?)),
        Token::Word(word) => match word.as_str() {
            "true" => Base::Literal(json!(true)),
            "false" => Base::Literal(json!(false)),
            "nil" => Base::Literal(Value::Null),
            name => Base::Function(
                Function::find(name)
                    .ok_or_else(|| error(format!("function {name:?} is unknown")))?,
            ),
        },
        token => return Err(error(format!("unexpected {token:?}"))),
    };
    while let Some(Token::Field { glued: true, .. }) = tokens.peek() {
        if let Some(Token::Field { name, .. }) = tokens.next() {
            fields.push(name);
        }
    }
    Ok(Operand { base, fields })
}

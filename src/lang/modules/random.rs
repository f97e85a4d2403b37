//! The module `random`, once it was given a seed: the same numbers as Python's, so that a Rulefile gives the same
//! workflow every time. Without a seed every use is an error.
//!
//! The generator is the Mersenne Twister of Matsumoto and Nishimura (MT19937), seeded by whole numbers.

use super::{HostType, ModuleDef};
use crate::lang::builtins::args::{int, wrong};
use crate::lang::object::Object;
use crate::lang::ops::{self, Number};
use crate::lang::raise::{Exc, Raise};
use crate::lang::value::{Args, BoundMethod, Method, Shared, Type, Value};
use crate::lang::vm::Vm;
use std::sync::Arc;

pub(super) static MODULE: ModuleDef = ModuleDef {
    name: "random",
    functions: &[],
    values: || {
        // One generator for the functions of the module; each function is a method of it.
        let shared = Value::object(Random { state: Shared::new(None) });
        let bound = METHODS.iter().map(|method| {
            let bound = BoundMethod { receiver: Some(shared.clone()), of: Type::Host(&RANDOM), method };
            (method.name, Value::Method(Arc::new(bound)))
        });
        bound.chain([("Random", Value::Type(Type::Host(&RANDOM)))]).collect()
    },
    refused: &[
        ("SystemRandom", "give a seed: `random.Random(1)`"),
        ("betavariate", "draw such numbers in a script that a rule runs"),
        ("gauss", "draw such numbers in a script that a rule runs"),
        ("normalvariate", "draw such numbers in a script that a rule runs"),
    ],
};

static RANDOM: HostType = HostType {
    name: "Random",
    construct: |_, args| {
        let [seed] = args.take("Random", ["/x"], 0)?;
        let random = Random { state: Shared::new(None) };
        if let Some(seed) = seed.filter(|seed| !matches!(seed, Value::None)) {
            random.seed(&seed)?;
        }
        Ok(Value::object(random))
    },
    methods: METHODS,
    ..HostType::PLAIN
};

const METHODS: &[Method] = &[
    Method { name: "choice", call: choice },
    Method { name: "choices", call: choices },
    Method { name: "getrandbits", call: getrandbits },
    Method { name: "randint", call: randint },
    Method {
        name: "random",
        call: |_, me, args| args.none("random").and_then(|()| this(me)?.float().map(Value::Float)),
    },
    Method { name: "randrange", call: randrange },
    Method { name: "sample", call: sample },
    Method { name: "seed", call: seed },
    Method { name: "shuffle", call: shuffle },
    Method { name: "uniform", call: uniform },
];

const N: usize = 624;
const M: usize = 397;

struct Twister {
    words: [u32; N],
    at: usize,
}

impl Twister {
    fn from_word(seed: u32) -> Twister {
        let mut words = [0u32; N];
        words[0] = seed;
        for i in 1..N {
            let last = words[i - 1];
            words[i] = 1_812_433_253u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        Twister { words, at: N }
    }

    fn from_key(key: &[u32]) -> Twister {
        let mut twister = Twister::from_word(19_650_218);
        let words = &mut twister.words;
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let last = words[i - 1];
            let mixed = words[i] ^ (last ^ (last >> 30)).wrapping_mul(1_664_525);
            words[i] = mixed.wrapping_add(key[j]).wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i >= N {
                words[0] = words[N - 1];
                i = 1;
            }
        }
        for _ in 1..N {
            let last = words[i - 1];
            words[i] = (words[i] ^ (last ^ (last >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i >= N {
                words[0] = words[N - 1];
                i = 1;
            }
        }
        words[0] = 0x8000_0000;
        twister
    }

    fn word(&mut self) -> u32 {
        if self.at >= N {
            for i in 0..N {
                let y = (self.words[i] & 0x8000_0000) | (self.words[(i + 1) % N] & 0x7fff_ffff);
                let mask = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.words[i] = self.words[(i + M) % N] ^ (y >> 1) ^ mask;
            }
            self.at = 0;
        }
        let mut y = self.words[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// `bits` random bits, 1 to 64.
    fn bits(&mut self, bits: u32) -> u64 {
        let low = u64::from(self.word());
        if bits <= 32 {
            return low >> (32 - bits);
        }
        low | (u64::from(self.word()) >> (64 - bits)) << 32
    }

    /// From 0 up to 1, with 53 bits.
    fn float(&mut self) -> f64 {
        let (high, low) = (self.word() >> 5, self.word() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// A number below `n`, which is at least 1.
    fn below(&mut self, n: u64) -> u64 {
        let bits = 64 - n.leading_zeros();
        loop {
            let found = self.bits(bits);
            if found < n {
                return found;
            }
        }
    }
}

/// A generator; without a seed it has no state.
struct Random {
    state: Shared<Option<Box<Twister>>>,
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

impl Object for Random {
    fn type_name(&self) -> &'static str {
        RANDOM.name
    }

    fn host_type(&self) -> Option<&'static HostType> {
        Some(&RANDOM)
    }

    fn freeze(&self) {
        self.state.freeze();
    }
}

impl Random {
    fn seed(&self, seed: &Value) -> Result<(), Raise> {
        let Value::Int(seed) = seed else {
            return Err(wrong(seed, "seed", "a whole number").help("make one of it: `random.seed(42)`"));
        };
        let seed = seed.unsigned_abs();
        let key = match u32::try_from(seed) {
            Ok(small) => vec![small],
            Err(_) => vec![seed as u32, (seed >> 32) as u32],
        };
        let old = self.state.write(|state| state.replace(Box::new(Twister::from_key(&key))))?;
        drop(old);
        Ok(())
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut Twister) -> T) -> Result<T, Raise> {
        let drawn = self.state.write(|state| state.as_mut().map(|twister| draw(twister)))?;
        drawn.ok_or_else(|| {
            Raise::unsupported(
                "random numbers without a seed are not available in Rulefiles",
                "a Rulefile gives the same workflow every time: call `random.seed(1)` before, or take the value from `config`",
            )
        })
    }

    fn float(&self) -> Result<f64, Raise> {
        self.draw(Twister::float)
    }

    fn below(&self, n: u64) -> Result<u64, Raise> {
        self.draw(|twister| twister.below(n))
    }
}

fn this(me: &Value) -> Result<&Random, Raise> {
    me.downcast::<Random>().ok_or_else(|| wrong(me, "random", "a generator"))
}

fn seed(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [seed, _] = args.take("seed", ["a", "version"], 1)?;
    this(me)?.seed(&seed.unwrap_or(Value::None))?;
    Ok(Value::None)
}

fn getrandbits(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let bits = int(&args.one("getrandbits")?, "getrandbits")?;
    if bits == 0 {
        return Ok(Value::Int(0));
    }
    let Some(bits) = u32::try_from(bits).ok().filter(|bits| *bits <= 63) else {
        return Err(Raise::value_error("`getrandbits` gives 0 to 63 bits"));
    };
    let found = this(me)?.draw(|twister| twister.bits(bits))?;
    i64::try_from(found).map(Value::Int).map_err(|_| ops::overflow())
}

fn in_range(me: &Value, start: i64, stop: i64, step: i64) -> Result<Value, Raise> {
    let (start, stop, step) = (i128::from(start), i128::from(stop), i128::from(step));
    let count = match step {
        0 => return Err(Raise::value_error("zero step for randrange()")),
        step if step > 0 => (stop - start + step - 1).div_euclid(step),
        step => (stop - start + step + 1) / step,
    };
    let Some(count) = u64::try_from(count).ok().filter(|count| *count > 0) else {
        return Err(Raise::value_error(format!("empty range for randrange() ({start}, {stop}, {step})")));
    };
    let found = start + step * i128::from(this(me)?.below(count)?);
    i64::try_from(found).map(Value::Int).map_err(|_| ops::overflow())
}

fn randrange(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [start, stop, step] = args.take("randrange", ["start", "stop", "step"], 1)?;
    let start = int(&start.unwrap_or(Value::None), "randrange")?;
    let step = step.map_or(Ok(1), |step| int(&step, "randrange"))?;
    match stop.filter(|stop| !matches!(stop, Value::None)) {
        Some(stop) => in_range(me, start, int(&stop, "randrange")?, step),
        None => in_range(me, 0, start, step),
    }
}

fn randint(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [low, high] = args.take("randint", ["a", "b"], 2)?;
    let (low, high) =
        (int(&low.unwrap_or(Value::None), "randint")?, int(&high.unwrap_or(Value::None), "randint")?);
    in_range(me, low, high.checked_add(1).ok_or_else(ops::overflow)?, 1)
}

fn uniform(_: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [a, b] = args.take("uniform", ["a", "b"], 2)?;
    let number = |value: Option<Value>| {
        let value = value.unwrap_or(Value::None);
        Number::of(&value).map(Number::float).ok_or_else(|| wrong(&value, "uniform", "numbers"))
    };
    let (a, b) = (number(a)?, number(b)?);
    Ok(Value::Float(a + (b - a) * this(me)?.float()?))
}

fn choice(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let items = vm.collect(&args.one("choice")?)?;
    if items.is_empty() {
        return Err(Raise::new(Exc::IndexError, "Cannot choose from an empty sequence"));
    }
    let at = this(me)?.below(items.len() as u64)?;
    Ok(items[at as usize].clone())
}

fn choices(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [source, weights, cumulative, count] =
        args.take("choices", ["population", "weights", "*cum_weights", "*k"], 1)?;
    if weights.or(cumulative).is_some_and(|weights| !matches!(weights, Value::None)) {
        return Err(Raise::unsupported(
            "`choices` with weights is not available",
            "repeat the elements in the list",
        ));
    }
    let items = vm.collect(&source.unwrap_or(Value::None))?;
    let count = count.map_or(Ok(1), |count| int(&count, "choices"))?.max(0);
    if items.is_empty() {
        return Err(Raise::new(Exc::IndexError, "Cannot choose from an empty sequence"));
    }
    vm.budget.spend(count as u64)?;
    vm.budget.allocate_items(count as u64)?;
    let random = this(me)?;
    let chosen = (0..count).map(|_| {
        let at = (random.float()? * items.len() as f64).floor() as usize;
        Ok(items[at.min(items.len() - 1)].clone())
    });
    chosen.collect::<Result<_, Raise>>().map(Value::list)
}

fn shuffle(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let list = args.one("shuffle")?;
    let Value::List(list) = &list else { return Err(wrong(&list, "shuffle", "a list")) };
    let len = list.0.read(Vec::len);
    vm.budget.spend(len as u64)?;
    let random = this(me)?;
    for i in (1..len).rev() {
        let j = random.below(i as u64 + 1)? as usize;
        list.0.write(|items| items.swap(i, j))?;
    }
    Ok(Value::None)
}

fn sample(vm: &mut Vm, me: &Value, args: Args) -> Result<Value, Raise> {
    let [source, count, counts] = args.take("sample", ["population", "k", "*counts"], 2)?;
    let source = source.unwrap_or(Value::None);
    if matches!(source, Value::Set(_) | Value::Dict(_) | Value::Iter(_)) || counts.is_some() {
        return Err(wrong(&source, "sample", "a sequence").help("make a list of it: `sorted(x)`"));
    }
    let mut items = vm.collect(&source)?;
    let n = items.len();
    let count = int(&count.unwrap_or(Value::None), "sample")?;
    let Some(count) = usize::try_from(count).ok().filter(|count| *count <= n) else {
        return Err(Raise::value_error("Sample larger than population or is negative"));
    };
    vm.budget.spend(n as u64 + count as u64)?;
    vm.budget.allocate_items(count as u64)?;
    let random = this(me)?;
    // As Python does it: a pool of what is left, or a set of what was taken, whichever is smaller.
    let mut size = 21u64;
    if count > 5 {
        let power = (count as f64 * 3.0).log(4.0).ceil();
        size = size.saturating_add(4u64.saturating_pow(power as u32));
    }
    let mut chosen = Vec::with_capacity(count);
    if n as u64 <= size {
        for i in 0..count {
            let j = random.below((n - i) as u64)? as usize;
            chosen.push(items[j].clone());
            items[j] = items[n - i - 1].clone();
        }
    } else {
        let mut taken = rustc_hash::FxHashSet::default();
        while chosen.len() < count {
            let j = random.below(n as u64)? as usize;
            if taken.insert(j) {
                chosen.push(items[j].clone());
            }
        }
    }
    Ok(Value::list(chosen))
}

# ruff format would put one template on a line and make these tables three times as long.
# fmt: off
"""The words of the demo tasks: wordings that models and router may train on (SEEN) and held-out ones (FRESH).

Nothing in FRESH may be used for training anything: it measures whether a model or a router understood the
task or only remembers a sentence. Key words that carry the meaning (sum, capital, sort, buys) appear in both,
because models that never saw any other text cannot know a synonym; frames, order, names and objects are new.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wordings:
    """One set of wordings; every field is a tuple of templates or words, `{…}` marks their slots."""

    openers: tuple[str, ...]
    closers: tuple[str, ...]
    leads: tuple[str, ...]
    add: tuple[str, ...]
    subtract: tuple[str, ...]
    multiply: tuple[str, ...]
    copy: tuple[str, ...]
    capital: tuple[str, ...]
    opposite: tuple[str, ...]
    count: tuple[str, ...]
    colour: tuple[str, ...]
    after: tuple[str, ...]
    chain: tuple[str, ...]
    ascending: tuple[str, ...]
    descending: tuple[str, ...]
    names: tuple[str, ...]
    objects: tuple[str, ...]
    starts: tuple[str, ...]
    gains: tuple[str, ...]
    losses: tuple[str, ...]
    group_gains: tuple[str, ...]
    group_losses: tuple[str, ...]
    doubles: tuple[str, ...]
    connectives: tuple[str, ...]
    questions: tuple[str, ...]
    buys: tuple[str, ...]
    items: tuple[str, ...]
    totals: tuple[str, ...]
    changes: tuple[str, ...]


SEEN = Wordings(
    openers=(
        "Hello.", "Hi!", "Hi there!", "Hey.", "Good morning.", "Good evening!", "Please help me.",
        "Can you help me?",
        "I have a question.", "Quick question:", "A small task:", "Here is a puzzle.", "Question:",
        "Task:", "Please:",
        "I need some help.", "Let us try this one.", "One more thing.", "Next one:",
        "My teacher asked me this.",
        "OK.", "So.", "Well.", "Look.", "Listen.", "Exercise 3.", "Dear assistant.", "Sorry to bother you.",
    ),
    closers=(
        "Thanks!", "Thank you.", "Thanks a lot.", "Please.", "Please be quick.",
        "Just the answer, please.", "Go!",
        "Be careful.", "Take your time.", "I am in a hurry.", "Do not explain.", "That is all.", "Good luck!",
        "It is for school.", "Answer now.", "Think well.", "Cheers!", "Show your answer.", "Help me, please.",
    ),
    leads=(
        "What is", "What is", "What's", "Whats", "Calculate", "Compute", "Work out", "Find", "Tell me",
        "Give me",
        "Please calculate", "Please compute", "Please tell me", "Can you compute", "Can you tell me",
        "Could you work out", "Could you calculate", "I want to know", "I need", "Do you know", "How much is",
        "Solve", "Evaluate", "Answer this:", "What do I get for", "What does it make:", "Say",
        "Let me know", "",
        "Please find", "Help me find", "Can anyone tell me", "Let me see", "I am asking for",
        "My exercise is", "Please say", "I must know",
    ),
    add=(
        "{a} + {b}", "{a} + {b}", "{a}+{b}", "{a} plus {b}", "{a} plus {b}", "the sum of {a} and {b}",
        "the total of {a} and {b}", "{a} and {b} added together", "{a} added to {b}", "{a} and {b} in total",
        "{a} with {b} added", "the sum {a} + {b}", "the result of {a} + {b}",
        "the result of adding {a} and {b}",
        "{a} increased by {b}", "{b} more than {a}", "the value of {a} + {b}", "the answer to {a} plus {b}",
        "what {a} and {b} make together", "the addition of {a} and {b}", "{a} + {b} =",
        "the sum of the numbers {a} and {b}",
        "{a} plus the number {b}", "what you have with {a} plus {b}", "{a} and {b} summed up",
        "{a} together with {b}", "the total of the numbers {a} and {b}",
    ),
    subtract=(
        "{a} - {b}", "{a} - {b}", "{a}-{b}", "{a} minus {b}", "{a} minus {b}",
        "the difference of {a} and {b}",
        "the difference between {a} and {b}", "{a} take away {b}", "{a} less {b}", "{a} with {b} subtracted",
        "{b} subtracted from {a}", "{b} less than {a}", "{a} decreased by {b}", "the result of {a} - {b}",
        "the value of {a} - {b}", "the answer to {a} minus {b}", "what is left of {a} without {b}",
        "{a} - {b} =",
        "{b} taken from {a}", "the result of subtracting {b} from {a}",
        "{a} minus the number {b}", "what {a} minus {b} makes", "the difference of the numbers {a} and {b}",
        "{a} if you take away {b}",
    ),
    multiply=(
        "{a} * {b}", "{a} * {b}", "{a} x {b}", "{a}*{b}", "{a} times {b}", "{a} times {b}",
        "{a} multiplied by {b}",
        "the product of {a} and {b}", "the result of {a} * {b}", "the value of {a} times {b}", "{a} * {b} =",
        "the answer to {a} times {b}", "{a} multiplied with {b}", "the product {a} * {b}",
        "the result of multiplying {a} by {b}", "the multiplication of {a} and {b}",
        "{b} times the number {a}",
        "the product of the numbers {a} and {b}", "what {a} times {b} makes",
        "the product if you multiply {a} by {b}", "{a} times the number {b}",
    ),
    copy=(
        "Repeat the word {w}.", "Repeat: {w}", "Say {w}.", "Copy this word: {w}", "Copy {w}.",
        "Please repeat {w}.",
        "Write {w}.", "Write the word {w}.", "Echo {w}", "Repeat after me: {w}", "Type the word {w}, please.",
        "Please copy the text {w}", "Say the word {w}", "Can you repeat {w}?", "Can you write {w}?",
        "Reply with {w}.",
        "Answer with the word {w}.", "Return {w}", "Give {w} back to me.", "Spell out the word {w} as it is.",
        "Print {w}.", "Copy the string {w}.", "Could you say {w}?", "Just say {w}",
        "I want you to repeat {w}.",
        "Say this word back: {w}", "Send {w} back.", "Now say {w}.", "Please type {w}.",
        "The word is {w}. Repeat it.", "Here is a word: {w}. Copy it.", "Can you copy the word {w} for me?",
        "I wrote {w}. Write the same.", "Repeat for me: {w}", "My word is {w}, say it.",
        "Use {w} as your answer.", "Your answer must be {w}.", "Answer only {w}.", "Output {w}",
        "Try to repeat {w}.", "Do you see {w}? Copy it.",
    ),
    capital=(
        "What is the capital of {x}?", "What is the capital of {x}?", "Name the capital of {x}.",
        "The capital of {x}?",
        "Tell me the capital of {x}.", "Which city is the capital of {x}?", "What's the capital city of {x}?",
        "capital of {x}", "Give me the capital of {x}.", "Do you know the capital of {x}?",
        "{x} has which capital?",
        "Which capital does {x} have?", "Say the capital city of {x}.", "The capital city of {x} is what?",
        "I want to know the capital of {x}.", "Can you name the capital of {x}?", "{x}: capital?",
        "I do not know the capital of {x}.", "Please say what the capital of {x} is.",
        "About {x}: what is the capital?", "Find the capital of {x}.",
    ),
    opposite=(
        "What is the opposite of {x}?", "What is the opposite of {x}?", "Opposite of {x}?",
        "The opposite of {x} is what?",
        "Name the opposite of {x}.", "Tell me the opposite of {x}.", "Give me the opposite of the word {x}.",
        "Which word is the opposite of {x}?", "{x}: opposite?", "Say the opposite of {x}.",
        "Do you know the opposite of {x}?",
        "I want to know the opposite of {x}.", "What word means the opposite of {x}?",
        "Find the opposite of {x}.",
        "Can you name the opposite of {x}?", "Write the opposite of {x}.",
        "I do not know the opposite of {x}.", "Please say what the opposite of {x} is.",
        "Take {x}. What is the opposite?",
    ),
    count=(
        "How many {x}?", "How many {x} are there?", "Tell me how many {x}.", "What is the number of {x}?",
        "Do you know how many {x}?", "Give me the number of {x}.", "The number of {x}?", "number of {x}",
        "Say how many {x} there are.", "Can you tell me how many {x}?", "I want to know the number of {x}.",
        "Please name the number of {x}.", "Count: how many {x}?", "What number of {x} is right?",
        "There are how many {x}?",
        "How many {x}, please?",
        "Please say how many {x} there are.", "I do not know how many {x}.", "Find out how many {x}.",
        "One should know how many {x}.",
    ),
    colour=(
        "What color is {x}?", "What is the color of {x}?", "Which color is {x}?", "Tell me the color of {x}.",
        "Name the color of {x}.", "The color of {x}?", "color of {x}", "Which color does {x} have?",
        "What color has {x}?",
        "Do you know the color of {x}?", "Say the color of {x}.", "I want to know the color of {x}.",
        "{x}: which color?",
        "Can you name the color of {x}?", "Give me the color of {x}.", "{x} has what color?",
        "Please say what color {x} is.", "I do not know the color of {x}.", "About {x}: which color is it?",
        "Find the color of {x}.",
    ),
    after=(
        "What comes after {x}?", "What comes after {x}?", "What comes next after {x}?",
        "Which one comes after {x}?",
        "Name what comes after {x}.", "Tell me what comes after {x}.", "After {x} comes what?",
        "What follows {x}?",
        "Which one follows {x}?", "Say what follows {x}.", "{x}, then what?", "What is next after {x}?",
        "next after {x}",
        "Do you know what comes after {x}?", "Give me the one after {x}.", "{x} is followed by what?",
        "Please say what comes after {x}.", "I do not know what follows {x}.", "About {x}: what comes next?",
        "When {x} ends, what comes?",
    ),
    chain=(
        "{e}", "{e} =", "the result of {e}", "the value of {e}", "the answer to {e}", "this: {e}",
        "the expression {e}",
        "{e} in total", "the number {e}", "the outcome of {e}", "{e}, step by step", "{e} from left to right",
        "what {e} makes", "the total of {e}", "this sum: {e}", "all of {e}",
        "the end result of {e}", "{e} altogether", "what I get with {e}", "the final result of {e}",
        "the end value if you add up {e}",
    ),
    ascending=(
        "Sort {l}.", "Sort these numbers: {l}", "Sort the numbers {l}.", "Sort {l} in ascending order.",
        "Order {l}.",
        "Put {l} in ascending order.", "Arrange {l} from smallest to largest.", "Sort from low to high: {l}",
        "Please sort {l}", "Can you sort {l}?", "Could you sort these: {l}?",
        "Put these numbers in order: {l}",
        "List {l} from smallest to largest.", "Order these from low to high: {l}", "Sort this list: {l}",
        "sort {l}",
        "Rank {l} from smallest to biggest.", "Write {l} in ascending order.",
        "What is {l} in ascending order?",
        "Here are numbers: {l}. Sort them.", "Take {l} and sort them from smallest to largest.",
        "My numbers are {l}. Put them in ascending order.", "I need {l} sorted.",
        "Give me {l} sorted from low to high.",
        "Could you put the following in order: {l}?", "In ascending order, what is {l}?",
        "From low to high, sort {l}.", "I have {l}. Please sort.", "Order from smallest to largest: {l}",
        "These must be sorted: {l}", "Please return {l} sorted.", "Numbers to sort: {l}",
        "From smallest to biggest please: {l}", "I want {l} sorted from low to high.",
    ),
    descending=(
        "Sort {l} in descending order.", "Put {l} in descending order.",
        "Arrange {l} from largest to smallest.",
        "Sort from high to low: {l}", "Please sort {l} from largest to smallest",
        "Sort in descending order: {l}",
        "Can you sort {l} from high to low?", "List {l} from largest to smallest.",
        "Order these from high to low: {l}",
        "Rank {l} from biggest to smallest.", "Write {l} in descending order.",
        "What is {l} in descending order?",
        "Here are numbers: {l}. Sort them from high to low.",
        "Take {l} and sort them from largest to smallest.",
        "My numbers are {l}. Put them in descending order.", "Give me {l} sorted from high to low.",
        "I need {l} sorted in descending order.", "Sort these numbers from biggest to smallest: {l}",
        "From high to low, sort {l}.", "In descending order, what is {l}?",
        "Order from largest to smallest: {l}", "These must be sorted from high to low: {l}",
        "From biggest to smallest please: {l}", "Please return {l} sorted from high to low.",
        "I have {l}. Sort from high to low.", "I want {l} sorted in descending order.",
    ),
    names=(
        "Anna", "Tom", "Maria", "Peter", "Lena", "Paul", "Sara", "Max", "Julia", "Ben", "Emma", "Leo",
        "Clara", "Jack",
        "Nina", "Oscar", "Ella", "Sam", "Ruth", "Hugo", "Mia", "Felix", "Ida", "Karl", "Lucy", "Adam",
        "Rosa", "Finn",
        "Eva", "David", "Olga", "Ivan", "Amy", "Noah", "Zoe", "Mark", "Helen", "Rick", "Tina", "Bob",
    ),
    objects=(
        "apples", "books", "pens", "coins", "cards", "stamps", "marbles", "cookies", "balls", "shells",
        "eggs", "cups",
        "stones", "toys", "oranges", "pencils", "stickers", "flowers", "candles", "keys", "boxes",
        "tickets", "plates",
        "bottles", "hats", "socks", "beads", "nuts", "pears", "lemons", "buttons", "chairs", "kites",
        "photos", "maps",
        "lamps", "spoons", "cakes", "shirts", "bananas",
    ),
    starts=(
        "{name} has {n} {obj}.", "{name} has {n} {obj}.", "{name} starts with {n} {obj}.",
        "{name} owns {n} {obj}.",
        "{name} had {n} {obj}.", "At first {name} has {n} {obj}.", "In the beginning {name} has {n} {obj}.",
        "There are {n} {obj} on the table of {name}.", "{name} keeps {n} {obj} in a box.",
        "{name} brings {n} {obj}.",
        "{name} holds {n} {obj}.", "Today {name} has {n} {obj}.", "My friend {name} has {n} {obj}.",
        "{n} {obj} belong to {name}.", "We know that {name} has {n} {obj}.", "{name} begins with {n} {obj}.",
        "Say {name} has {n} {obj}.", "{name} possesses {n} {obj}.",
        "Let us say {name} has {n} {obj}.", "{name} comes with {n} {obj}.",
        "On the desk of {name} lie {n} {obj}.", "{n} {obj} are in the bag of {name}.",
        "Suppose that {name} has {n} {obj}.", "Yesterday {name} had {n} {obj}.",
        "In a drawer {name} has {n} {obj}.", "Once {name} had {n} {obj}.",
        "The box of {name} holds {n} {obj}.", "For a start, {name} has {n} {obj}.",
    ),
    gains=(
        "{name} buys {n} {obj}", "{name} buys {n} more", "{name} finds {n} {obj}", "{name} finds {n} more",
        "{name} gets {n} more", "{name} gets {n} {obj} from {other}", "{name} receives {n} {obj}",
        "{name} picks up {n} {obj}", "{name} collects {n} more", "{name} wins {n} {obj}",
        "{name} earns {n} {obj}",
        "{other} gives {name} {n} {obj}", "{other} brings {n} more {obj}", "{name} bought {n} {obj}",
        "{name} found {n} {obj}", "{name} got {n} more {obj}", "{name} received {n} {obj} from {other}",
        "{name} won {n} more", "{name} adds {n} {obj}", "{n} more {obj} are added", "{name} makes {n} {obj}",
        "{name} gathers {n} more {obj}", "{name} takes {n} {obj} from {other}",
        "{other} gave {name} {n} more",
        "{name} goes out and buys {n} {obj}", "{n} {obj} are found by {name}",
        "{n} more {obj} come from {other}", "{name} gladly gets {n} {obj}",
        "{name} suddenly finds {n} more {obj}", "{other} arrives and brings {name} {n} {obj}",
        "{name} manages to win {n} {obj}", "{name} also receives {n} {obj}",
        "{other} is kind and gives {name} {n} more", "{name} buys {n} new {obj}",
        "{name} chooses to buy {n} {obj}", "{n} other {obj} were collected by {name}",
    ),
    losses=(
        "{name} gives away {n} {obj}", "{name} gives {n} {obj} to {other}", "{name} loses {n} {obj}",
        "{name} loses {n} of them", "{name} sells {n} {obj}", "{name} sells {n} of them",
        "{name} drops {n} {obj}",
        "{name} breaks {n} of them", "{name} donates {n} {obj}", "{name} throws away {n} {obj}",
        "{name} uses {n} of them",
        "{name} hands {n} {obj} to {other}", "{other} takes {n} {obj} away",
        "{name} gave {n} {obj} to {other}",
        "{name} lost {n} {obj}", "{name} sold {n} {obj}", "{name} lends {n} {obj} to {other}",
        "{n} {obj} get lost",
        "{n} {obj} are stolen", "{name} gave away {n} of them", "{name} spends {n} {obj}",
        "{name} sends {n} {obj} to {other}",
        "{other} steals {n} {obj}", "{name} used {n} {obj}",
        "{name} slowly loses {n} {obj}", "{n} {obj} are given to {other}", "{n} of the {obj} are lost",
        "{name} must give {n} {obj} to {other}", "{name} manages to sell {n} {obj}",
        "{name} chooses to give away {n} {obj}", "{other} arrives and takes {n} {obj} away",
        "{name} gladly gives {n} {obj} to {other}", "{name} also sells {n} {obj}",
        "{n} {obj} were sold by {name}", "{name} suddenly drops {n} of the {obj}",
    ),
    group_gains=(
        "{name} buys {k} bags of {m} {obj}", "{name} finds {k} boxes with {m} {obj} each",
        "{name} gets {k} packs of {m} {obj}",
        "{k} friends give {name} {m} {obj} each", "{name} buys {k} packs with {m} {obj} in each",
        "{name} receives {k} boxes of {m} {obj}", "{name} wins {k} bags with {m} {obj} each",
        "{name} bought {k} boxes with {m} {obj} each", "{name} collects {m} {obj} on each of {k} days",
        "{name} chooses to buy {k} packs of {m} {obj}", "{other} brings {name} {k} bags of {m} {obj}",
        "{name} manages to find {k} boxes of {m} {obj}", "{name} suddenly finds {k} bags with {m} {obj} each",
    ),
    group_losses=(
        "{name} gives {k} friends {m} {obj} each", "{name} sells {k} bags of {m} {obj}",
        "{name} loses {k} boxes with {m} {obj} each", "{name} gives away {k} packs of {m} {obj}",
        "{name} gives {m} {obj} to each of {k} friends", "{name} sold {k} boxes of {m} {obj}",
        "{name} uses {m} {obj} on each of {k} days", "{name} donates {k} bags with {m} {obj} each",
        "{name} gladly gives {m} {obj} to each of {k} friends",
        "{name} must sell {k} bags with {m} {obj} each", "{name} slowly loses {k} packs of {m} {obj}",
        "{name} chooses to sell {k} packs of {m} {obj}",
    ),
    doubles=(
        "the number of {obj} doubles", "{name} doubles the number of {obj}",
        "{other} doubles what {name} has",
        "the {obj} double", "{name} gets twice as many {obj} as before",
        "slowly the number of {obj} doubles", "{name} can double the number of {obj}",
        "{other} helps to double the {obj}",
    ),
    connectives=(
        "", "", "", "Then ", "Then ", "After that ", "Later ", "Next ", "Next, ", "In the morning ",
        "In the evening ",
        "On Monday ", "On Sunday ", "The next day ", "Soon ", "A day later ", "At school ", "At home ",
        "Also ", "Now ",
        "On Friday ", "Before school ", "After lunch ", "During the night ", "At midnight ", "A week later ",
        "Meanwhile ", "In the afternoon ", "Some hours later ",
    ),
    questions=(
        "How many {obj} does {name} have now?", "How many {obj} does {name} have?",
        "How many {obj} are left?",
        "How many {obj} are there now?", "What is the number of {obj} now?", "How many are there?",
        "How many are left now?",
        "How many {obj} does {name} have in the end?", "How many {obj} has {name} got?",
        "Find the number of {obj}.",
        "How many {obj} does that make?", "Tell me how many {obj} {name} has.", "Count the {obj} of {name}.",
        "With how many {obj} does {name} end?", "How many {obj} remain?", "Give the final number of {obj}.",
        "So how many {obj} does {name} have?", "How many {obj} can be counted now?",
        "What is the final count of {obj}?", "I ask how many {obj} are left.",
        "How many {obj} does {name} own at the end?", "Do you know how many {obj} {name} has?",
    ),
    buys=(
        "{name} buys {list}.", "{name} buys {list}.", "In a shop {name} buys {list}.",
        "{name} bought {list}.",
        "{name} takes {list}.", "{name} wants to buy {list}.", "{name} orders {list}.",
        "At the market {name} buys {list}.",
        "{name} pays for {list}.", "{name} gets {list}.", "My friend {name} buys {list}.",
        "Today {name} buys {list}.",
        "{name} needs {list}.", "{name} goes to the shop and buys {list}.", "For a party {name} buys {list}.",
        "{name} went shopping and took {list}.", "Suppose {name} buys {list}.",
        "On Monday {name} chooses {list}.", "The bag of {name} contains {list}.",
    ),
    items=(
        "{k} {obj} at {m} dollars each", "{k} {obj} for {m} dollars each",
        "{k} {obj} that cost {m} dollars each",
        "{k} {obj}, each {m} dollars", "{k} {obj} at a price of {m} dollars",
        "{k} {obj} costing {m} dollars each", "{k} {obj}, {m} dollars each",
    ),
    totals=(
        "How much is it in total?", "What is the total?", "How much does {name} pay?",
        "What does it cost in total?",
        "How many dollars is that?", "Find the total price.", "How much must {name} pay?",
        "What is the total cost?",
        "How much does it cost?", "What is the price of all of it?", "Tell me the total.",
        "What do they cost together?",
        "How much money does {name} need?", "Compute the total cost.", "How many dollars does {name} pay?",
        "So what does {name} pay?", "How many dollars is it altogether?", "I ask for the total price.",
    ),
    changes=(
        "{name} pays with {p} dollars. How much change is there?",
        "{name} had {p} dollars. How much is left?",
        "{name} gives {p} dollars. How much comes back?", "{name} pays {p} dollars. What is the change?",
        "How much of {p} dollars is left?", "How much change does {name} get from {p} dollars?",
        "{name} has {p} dollars. How many dollars remain?", "What is the change from {p} dollars?",
        "The wallet of {name} had {p} dollars. What is left in it?",
        "{name} started with {p} dollars. How much is left?",
        "From {p} dollars, how much is left?", "If {name} pays with {p} dollars, what is the change?",
        "{name} hands over {p} dollars. How much change?", "There were {p} dollars. Find what is left.",
        "{name} came with {p} dollars. With how much does {name} leave?",
        "How much money is left of {p} dollars?", "{name} brought {p} dollars. How much money remains?",
        "Paying with {p} dollars, how much change does {name} get?",
        "The seller gets {p} dollars. What is the change?",
    ),
)


FRESH = Wordings(
    openers=(
        "Greetings!", "Good afternoon!", "I wonder about something.", "Could I ask you something?",
        "Let me test you.",
        "My brother is stuck here.", "Riddle time!", "For my notes:", "Problem 12:", "Howdy!",
    ),
    closers=(
        "Much appreciated.", "No rush.", "I would be grateful.", "Many thanks in advance!", "Ready, set, go.",
        "I bet you know it.", "Only the result matters.", "It would help me a lot.",
    ),
    leads=(
        "I would like to know", "Kindly determine", "My homework asks for", "Would you mind finding",
        "Any idea what is",
        "Please figure out", "Show me", "Let us compute", "Can somebody work out", "Remind me, what is",
    ),
    add=(
        "{a} + {b}", "{a} plus {b}", "the sum you get from {a} and {b}", "{a} plus another {b}",
        "the total when {a} and {b} are added", "the number {a} plus the number {b}",
    ),
    subtract=(
        "{a} - {b}", "{a} minus {b}", "the difference you get from {a} and {b}",
        "the number {a} minus the number {b}",
        "{a} when you subtract {b}", "what {a} minus {b} gives",
    ),
    multiply=(
        "{a} * {b}", "{a} times {b}", "the product you get from {a} and {b}",
        "the number {a} times the number {b}",
        "{a} when multiplied by {b}", "what {a} times {b} gives",
    ),
    copy=(
        "Would you repeat this for me: {w}", "Let me hear you say {w}.", "Your reply should be the word {w}.",
        "I say {w}, now you repeat it.", "Make a copy of {w}.", "The word to write is {w}.",
    ),
    capital=(
        "Which town serves as capital of {x}?", "My atlas hides the capital of {x}.",
        "I forgot the capital of {x}.",
        "Would you tell me what the capital of {x} is?", "As for {x}, what is its capital?",
    ),
    opposite=(
        "I am looking for the opposite of {x}.", "Would you tell me what the opposite of {x} is?",
        "Take the word {x}: what is its opposite?", "Which word stands as opposite to {x}?",
        "I forgot the opposite of {x}.",
    ),
    count=(
        "Would you say how many {x} exist?", "I forgot how many {x} there are.", "Remind me how many {x}.",
        "What would be the number of {x}?", "Everybody knows how many {x}, do you?",
    ),
    colour=(
        "I forgot the color of {x}.", "Would you tell me what color {x} is?",
        "If I paint {x}, which color do I take?",
        "As for {x}, what is its color?", "Remind me what color {x} has.",
    ),
    after=(
        "I forgot what comes after {x}.", "Would you tell me what follows {x}?",
        "Once {x} is over, what comes next?",
        "As for {x}, what comes after it?", "Remind me what is next after {x}.",
    ),
    chain=(
        "{e}", "the final value of {e}", "what you get from {e}", "the outcome if you compute {e}",
        "{e}, all in all",
    ),
    ascending=(
        "Would you sort the following: {l}?", "These need to be in ascending order: {l}",
        "From smallest to largest, list {l}.",
        "I got {l} and want them sorted.", "Line up {l} from low to high.",
        "Kindly return {l} in ascending order.",
    ),
    descending=(
        "Would you sort the following from high to low: {l}?", "These need to be in descending order: {l}",
        "From largest to smallest, list {l}.", "I got {l} and want them in descending order.",
        "Line up {l} from high to low.", "Kindly return {l} in descending order.",
    ),
    names=(
        "Martha", "Viktor", "Greta", "Simon", "Priya", "Omar", "Yuki", "Bruno", "Selma", "Theo", "Wanda",
        "Igor",
    ),
    objects=(
        "melons", "ropes", "badges", "puzzles", "bricks", "towels", "jars", "ribbons", "mugs", "carrots",
        "dolls", "bells",
    ),
    starts=(
        "Imagine {name} has {n} {obj}.", "On the shelf of {name} there are {n} {obj}.",
        "{name} arrives with {n} {obj}.",
        "Last week {name} had {n} {obj}.", "To begin, {name} has {n} {obj} at hand.",
    ),
    gains=(
        "{name} then buys another {n} {obj}", "another {n} {obj} are bought by {name}",
        "{name} is lucky and finds {n} {obj}",
        "{name} happily receives {n} more {obj}", "{other} comes and gives {name} {n} more {obj}",
        "{name} quickly gets {n} {obj}",
    ),
    losses=(
        "{name} sadly loses {n} {obj}", "{n} of the {obj} are sold by {name}",
        "{name} kindly gives {n} {obj} to {other}",
        "{name} has to give away {n} {obj}", "{other} comes and takes {n} {obj} away",
        "{name} decides to sell {n} {obj}",
    ),
    group_gains=(
        "{name} decides to buy {k} bags of {m} {obj}", "{name} is lucky and finds {k} boxes of {m} {obj}",
        "{other} gives {name} {k} packs with {m} {obj} each",
    ),
    group_losses=(
        "{name} kindly gives {m} {obj} each to {k} friends",
        "{name} decides to sell {k} boxes with {m} {obj} each",
        "{name} sadly loses {k} bags of {m} {obj}",
    ),
    doubles=("suddenly the number of {obj} doubles", "{name} manages to double the number of {obj}"),
    connectives=(
        "", "", "At noon ", "During the week ", "On Tuesday ", "Afterwards ", "Before dinner ",
        "Shortly after, ",
    ),
    questions=(
        "So how many {obj} does {name} have at last?", "How many {obj} would you count now?",
        "What is the final number of {obj}?",
        "I wonder how many {obj} are left.", "How many {obj} can {name} count?",
    ),
    buys=(
        "On Saturday {name} decides to buy {list}.", "The basket of {name} holds {list}.",
        "{name} went out and bought {list}.",
        "Imagine {name} buys {list}.",
    ),
    items=(
        "{k} {obj} worth {m} dollars each", "{k} {obj} priced at {m} dollars each",
        "{k} {obj}, at {m} dollars each",
    ),
    totals=(
        "So how much does {name} pay in total?", "What will the total be?",
        "How many dollars is all of it together?",
        "I wonder what the total cost is.",
    ),
    changes=(
        "{name} took {p} dollars along. How much money is left?",
        "Having paid with {p} dollars, what change does {name} get?",
        "Out of {p} dollars, how many dollars remain?",
        "The cashier gets {p} dollars. How much change is that?",
    ),
)


CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon",
    "Austria": "Vienna",
    "Poland": "Warsaw", "Greece": "Athens", "Norway": "Oslo", "Sweden": "Stockholm", "Finland": "Helsinki",
    "Denmark": "Copenhagen", "Ireland": "Dublin", "England": "London", "Japan": "Tokyo", "China": "Beijing",
    "Russia": "Moscow", "Egypt": "Cairo", "Peru": "Lima", "Cuba": "Havana", "Kenya": "Nairobi",
    "Canada": "Ottawa",
    "Hungary": "Budapest", "Belgium": "Brussels",
}
OPPOSITES = {
    "hot": "cold", "cold": "hot", "big": "small", "small": "big", "up": "down", "down": "up", "left": "right",
    "day": "night", "night": "day", "black": "white", "white": "black", "open": "closed", "fast": "slow",
    "slow": "fast",
    "old": "young", "rich": "poor", "happy": "sad", "sad": "happy", "wet": "dry", "dry": "wet",
    "full": "empty",
    "high": "low", "low": "high", "good": "bad", "bad": "good", "early": "late", "true": "false", "yes": "no",
}
COUNTS = {
    "days in a week": "7", "months in a year": "12", "hours in a day": "24", "minutes in an hour": "60",
    "seconds in a minute": "60", "legs on a dog": "4", "legs on a spider": "8", "legs on a bird": "2",
    "letters in the alphabet": "26", "sides of a triangle": "3", "sides of a square": "4",
    "fingers on a hand": "5",
    "wheels on a car": "4", "wheels on a bicycle": "2", "days in a leap year": "366",
}
COLOURS = {
    "grass": "green", "snow": "white", "blood": "red", "coal": "black", "a lemon": "yellow",
    "the sky": "blue",
    "a banana": "yellow", "milk": "white", "an elephant": "gray", "a carrot": "orange", "chocolate": "brown",
}
AFTER = {
    "Monday": "Tuesday", "Tuesday": "Wednesday", "Wednesday": "Thursday", "Thursday": "Friday",
    "Friday": "Saturday",
    "Saturday": "Sunday", "Sunday": "Monday", "January": "February", "February": "March", "March": "April",
    "April": "May",
    "May": "June", "June": "July", "July": "August", "August": "September", "September": "October",
    "October": "November", "November": "December", "December": "January", "spring": "summer",
    "summer": "autumn",
    "autumn": "winter", "winter": "spring",
}
SMALL_TALK = {
    "Hello": "Hello!", "Hello!": "Hello!", "Hi": "Hello!", "Hi!": "Hello!", "Hey": "Hello!",
    "Good morning": "Hello!",
    "Who are you?": "A Signalbox demo model.", "What are you?": "A Signalbox demo model.",
    "Thanks!": "You are welcome.", "Thank you.": "You are welcome.", "Goodbye": "Goodbye!",
    "Bye!": "Goodbye!",
}

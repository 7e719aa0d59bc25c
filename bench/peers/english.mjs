// A text in English, else as the service falls back.
export const english = (texts) => texts?.en ?? texts?.und ?? texts?.[Object.keys(texts).sort()[0]] ?? null;

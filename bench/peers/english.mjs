// The English value, or the one that the service falls back to.
export const english = (values) => values?.en ?? values?.und ?? values?.[Object.keys(values).sort()[0]] ?? null;
